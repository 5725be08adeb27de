#include "checkpoint/zip.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "checkpoint/byte_reader.h"
#include "core/fail.h"

// The format is PKWARE's APPNOTE.TXT 6.3; section numbers below are its.
namespace tramontane {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t kLocalSignature = 0x04034b50;         // 4.3.7
constexpr std::uint32_t kCentralSignature = 0x02014b50;       // 4.3.12
constexpr std::uint32_t kEndSignature = 0x06054b50;           // 4.3.16
constexpr std::uint32_t kEnd64Signature = 0x06064b50;         // 4.3.14
constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;  // 4.3.15
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64LocatorBytes = 20;
constexpr std::size_t kCentralBytes = 46;
constexpr std::uint32_t kWide = 0xffffffff;  // the value is in the 64-bit record

constexpr std::uint16_t kEncryptionFlags = 1U << 0 | 1U << 6 | 1U << 13;
constexpr std::uint16_t kDescriptorFlag = 8;  // sizes follow the data instead of being in the local header

struct Directory {
  Bytes bytes;
  std::uint64_t members = 0;
  std::uint64_t offset = 0;  // in the file; members lie before it
};

/// What a central or local header says of a member.
struct Header {
  std::string_view name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t stored_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // of the local header
};

std::size_t find_end_record(Bytes bytes, const std::string& file) {
  // It is followed only by a comment of at most 65535 bytes, whose length it states.
  constexpr std::size_t kLongestComment = 0xffff;
  for (std::size_t comment = 0; comment <= kLongestComment && kEndBytes + comment <= bytes.size();
       comment++) {
    const std::size_t at = bytes.size() - kEndBytes - comment;
    ByteReader reader(bytes.subspan(at), file, "end of central directory");
    if (reader.u32() != kEndSignature) continue;
    reader.take(16);
    if (reader.u16() == comment) return at;
  }
  fail("{}: expected a zip archive, found no end of central directory (is the file truncated?)", file);
}

/// Offset of the 64-bit end record, which a locator right before the plain one points to.
std::optional<std::uint64_t> find_end64_record(Bytes bytes, std::size_t end, const std::string& file) {
  if (end < kEnd64LocatorBytes) return std::nullopt;
  ByteReader locator(bytes.subspan(end - kEnd64LocatorBytes), file, "zip64 locator");
  if (locator.u32() != kEnd64LocatorSignature) return std::nullopt;
  const std::uint32_t disk = locator.u32();
  const std::uint64_t offset = locator.u64();
  if (disk != 0 || locator.u32() > 1)
    fail("{}: zip archive: expected a single file, found a part of several", file);
  if (offset > end - kEnd64LocatorBytes) {
    fail("{}: zip64 locator: expected an offset up to {}, found {}", file, end - kEnd64LocatorBytes, offset);
  }
  return offset;
}

Directory find_directory(Bytes bytes, const std::string& file) {
  const std::size_t end = find_end_record(bytes, file);
  ByteReader reader(bytes.subspan(end + 4), file, "end of central directory");
  const std::uint32_t disks = reader.u16() | reader.u16();
  std::uint64_t on_this_disk = reader.u16();
  Directory directory;
  directory.members = reader.u16();
  std::uint64_t size = reader.u32();
  directory.offset = reader.u32();
  std::uint64_t directory_end = end;
  std::uint32_t disks64 = 0;
  if (const auto end64 = find_end64_record(bytes, end, file)) {
    ByteReader wide(bytes.subspan(static_cast<std::size_t>(*end64), end - kEnd64LocatorBytes - *end64), file,
                    "zip64 end of central directory");
    if (wide.u32() != kEnd64Signature)
      fail("{}: zip64 locator points to no zip64 end of central directory", file);
    wide.take(12);  // size of the record, versions
    disks64 = wide.u32() | wide.u32();
    on_this_disk = wide.u64();
    directory.members = wide.u64();
    size = wide.u64();
    directory.offset = wide.u64();
    directory_end = *end64;
  }
  if ((disks != 0 && disks != 0xffff) || disks64 != 0 || on_this_disk != directory.members) {
    fail("{}: zip archive: expected a single file, found a part of several", file);
  }
  if (directory.offset > directory_end || size != directory_end - directory.offset) {
    fail("{}: zip central directory: expected it to end at byte {}, found {} bytes at {}", file,
         directory_end, size, directory.offset);
  }
  if (directory.members > size / kCentralBytes) {
    fail("{}: zip central directory: {} bytes cannot hold {} members", file, size, directory.members);
  }
  directory.bytes = bytes.subspan(static_cast<std::size_t>(directory.offset), static_cast<std::size_t>(size));
  return directory;
}

/// Takes the 64-bit values that stand in for those that read "in the 64-bit record" (4.5.3).
void widen(Header& header, Bytes extra, const std::string& file) {
  ByteReader reader(extra, file, "zip extra field");
  while (reader.remaining() >= 4) {
    const std::uint16_t id = reader.u16();
    const Bytes field = reader.take(reader.u16());
    if (id != 1) continue;
    ByteReader wide(field, file, "zip64 extra field");
    if (header.size == kWide) header.size = wide.u64();
    if (header.stored_size == kWide) header.stored_size = wide.u64();
    if (header.offset == kWide) header.offset = wide.u64();
    return;
  }
}

Header read_central_header(ByteReader& reader, const std::string& file) {
  if (reader.u32() != kCentralSignature)
    fail("{}: zip central directory: a member's signature is wrong", file);
  Header header;
  reader.take(4);  // versions
  header.flags = reader.u16();
  header.method = reader.u16();
  reader.take(4);  // time
  header.crc = reader.u32();
  header.stored_size = reader.u32();
  header.size = reader.u32();
  const std::uint16_t name_size = reader.u16();
  const std::uint16_t extra_size = reader.u16();
  const std::uint16_t comment_size = reader.u16();
  const std::uint16_t disk = reader.u16();
  reader.take(6);  // attributes
  header.offset = reader.u32();
  header.name = reader.text(name_size);
  widen(header, reader.take(extra_size), file);
  reader.take(comment_size);
  if (disk != 0) fail("{}: zip member {}: expected disk 0, found {}", file, printable(header.name), disk);
  return header;
}

void check_supported(const Header& header, const std::string& file) {
  if ((header.flags & kEncryptionFlags) != 0)
    fail("{}: zip member {} is encrypted", file, printable(header.name));
  if (header.method != 0 && header.method != 8) {
    fail("{}: zip member {}: expected it stored or deflated, found compression method {}", file,
         printable(header.name), header.method);
  }
  if (header.method == 0 && header.size != header.stored_size) {
    fail("{}: zip member {}: stored, yet {} bytes take {}", file, printable(header.name), header.size,
         header.stored_size);
  }
}

/// Where the member's bytes are, after a local header that agrees with the central one.
ZipMember locate(Bytes bytes, const Header& header, std::uint64_t directory_offset, const std::string& file) {
  if (header.offset > directory_offset) {
    fail("{}: zip member {}: expected its header before byte {}, found offset {}", file,
         printable(header.name), directory_offset, header.offset);
  }
  const std::string what = "zip member " + printable(header.name);
  ByteReader reader(bytes.subspan(static_cast<std::size_t>(header.offset),
                                  static_cast<std::size_t>(directory_offset - header.offset)),
                    file, what);
  if (reader.u32() != kLocalSignature) fail("{}: {}: no local header at byte {}", file, what, header.offset);
  Header local;
  reader.take(2);  // version
  local.flags = reader.u16();
  local.method = reader.u16();
  reader.take(4);  // time
  local.crc = reader.u32();
  local.stored_size = reader.u32();
  local.size = reader.u32();
  const std::uint16_t name_size = reader.u16();
  const std::uint16_t extra_size = reader.u16();
  local.name = reader.text(name_size);
  widen(local, reader.take(extra_size), file);
  const bool sizes_here = (local.flags & kDescriptorFlag) == 0;
  if (local.name != header.name || local.method != header.method || (local.flags & kEncryptionFlags) != 0 ||
      (sizes_here &&
       (local.crc != header.crc || local.size != header.size || local.stored_size != header.stored_size))) {
    fail("{}: {}: its local header and the central directory differ", file, what);
  }
  return {std::string(header.name), header.offset, reader.take(header.stored_size), header.size, header.crc,
          header.method == 8};
}

/// `members` are in the order of their place, so it suffices to compare neighbours.
void check_apart(Bytes bytes, const std::vector<ZipMember>& members, const std::string& file) {
  std::unordered_set<std::string_view> names;
  const ZipMember* before = nullptr;
  for (const ZipMember& member : members) {
    if (!names.insert(member.name).second)
      fail("{}: zip member {} is there twice", file, printable(member.name));
    if (before != nullptr && bytes.data() + member.begin < before->stored.data() + before->stored.size()) {
      fail("{}: zip members {} and {} overlap", file, printable(before->name), printable(member.name));
    }
    before = &member;
  }
}

}  // namespace

std::vector<ZipMember> read_zip_directory(Bytes bytes, const std::string& file) {
  const Directory directory = find_directory(bytes, file);
  ByteReader reader(directory.bytes, file, "zip central directory");
  std::vector<ZipMember> members;
  members.reserve(static_cast<std::size_t>(directory.members));
  for (std::uint64_t i = 0; i < directory.members; i++) {
    const Header header = read_central_header(reader, file);
    check_supported(header, file);
    members.push_back(locate(bytes, header, directory.offset, file));
  }
  if (reader.remaining() != 0) {
    fail("{}: zip central directory: {} bytes are left over after {} members", file, reader.remaining(),
         directory.members);
  }
  std::sort(members.begin(), members.end(),
            [](const ZipMember& a, const ZipMember& b) { return a.begin < b.begin; });
  check_apart(bytes, members, file);
  return members;
}

}  // namespace tramontane
