#include "synthetic/zip_writer.h"

#include <algorithm>
#include <array>

#include "core/fail.h"

namespace tramontane::synthetic {
namespace {

constexpr std::uint64_t kLimit32 = 0xffffffff;
constexpr std::uint16_t kVersion = 45;  // of the format: the one with 64-bit records

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint64_t capped(std::uint64_t value, bool wide) { return wide ? kLimit32 : value; }

}  // namespace

void ZipWriter::EndStream::operator()(z_stream* stream) const {
  deflateEnd(stream);
  delete stream;
}

ZipWriter::ZipWriter(std::ostream& out, ZipOptions options) : out_(out), options_(options) {}

void ZipWriter::emit(std::string_view bytes) {
  out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out_) fail("cannot write the zip archive");
}

std::string ZipWriter::local_header(const Member& member) const {
  const bool wide = options_.zip64 || member.size >= kLimit32;
  std::string header = "PK\x03\x04";
  put(header, kVersion, 2);
  put(header, 0, 2);  // flags
  put(header, options_.deflate ? 8 : 0, 2);
  put(header, 0x00210000, 4);  // time and date: the first day of 1980, so that equal input gives equal bytes
  put(header, member.crc, 4);
  put(header, capped(member.stored_size, wide), 4);
  put(header, capped(member.size, wide), 4);
  put(header, member.name.size(), 2);
  put(header, wide ? 20 : 0, 2);
  header += member.name;
  if (wide) {
    put(header, 1, 2);
    put(header, 16, 2);
    put(header, member.size, 8);
    put(header, member.stored_size, 8);
  }
  return header;
}

std::string ZipWriter::central_header(const Member& member) const {
  const bool wide = options_.zip64 || std::max({member.size, member.stored_size, member.offset}) >= kLimit32;
  std::string header = "PK\x01\x02";
  put(header, kVersion, 2);
  put(header, kVersion, 2);
  put(header, 0, 2);  // flags
  put(header, options_.deflate ? 8 : 0, 2);
  put(header, 0x00210000, 4);
  put(header, member.crc, 4);
  put(header, capped(member.stored_size, wide), 4);
  put(header, capped(member.size, wide), 4);
  put(header, member.name.size(), 2);
  put(header, wide ? 28 : 0, 2);
  put(header, 0, 2);  // comment
  put(header, 0, 2);  // disk
  put(header, 0, 2);  // internal attributes
  put(header, 0, 4);  // external attributes
  put(header, capped(member.offset, wide), 4);
  header += member.name;
  if (wide) {
    put(header, 1, 2);
    put(header, 24, 2);
    put(header, member.size, 8);
    put(header, member.stored_size, 8);
    put(header, member.offset, 8);
  }
  return header;
}

void ZipWriter::begin_member(std::string_view name, std::uint64_t size) {
  members_.push_back(
      {std::string(name), position_, size, 0, static_cast<std::uint32_t>(crc32(0, nullptr, 0))});
  const std::string header = local_header(members_.back());
  emit(header);
  position_ += header.size();
  if (options_.deflate) {
    stream_.reset(new z_stream{});
    if (deflateInit2(stream_.get(), Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      fail("{}: cannot start to compress", name);
    }
  }
}

void ZipWriter::compress(std::span<const std::byte> data, int flush) {
  std::array<char, 1 << 16> buffer;
  // zlib takes a pointer to non-const bytes, which it does not change.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream_->avail_in = static_cast<uInt>(data.size());
  do {
    stream_->next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_->avail_out = static_cast<uInt>(buffer.size());
    deflate(stream_.get(), flush);
    const std::size_t made = buffer.size() - stream_->avail_out;
    emit({buffer.data(), made});
    members_.back().stored_size += made;
  } while (stream_->avail_out == 0);
}

void ZipWriter::write(std::span<const std::byte> data) {
  Member& member = members_.back();
  member.crc = static_cast<std::uint32_t>(
      crc32_z(member.crc, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  if (options_.deflate) {
    compress(data, Z_NO_FLUSH);
  } else {
    emit({reinterpret_cast<const char*>(data.data()), data.size()});
    member.stored_size += data.size();
  }
}

void ZipWriter::end_member() {
  if (options_.deflate) compress({}, Z_FINISH);
  // The sizes and the checksum are known only now: write the header again.
  const Member& member = members_.back();
  out_.seekp(static_cast<std::streamoff>(member.offset));
  emit(local_header(member));
  position_ += member.stored_size;
  out_.seekp(static_cast<std::streamoff>(position_));
}

void ZipWriter::finish() {
  const std::uint64_t start = position_;
  std::string directory;
  for (const Member& member : members_) directory += central_header(member);
  const std::uint64_t size = directory.size();
  const bool wide = options_.zip64 || start >= kLimit32 || members_.size() >= 0xffff;
  if (wide) {
    directory += "PK\x06\x06";
    put(directory, 44, 8);  // size of the rest of this record
    put(directory, kVersion, 2);
    put(directory, kVersion, 2);
    put(directory, 0, 4);  // this disk
    put(directory, 0, 4);  // the directory's disk
    put(directory, members_.size(), 8);
    put(directory, members_.size(), 8);
    put(directory, size, 8);
    put(directory, start, 8);
    directory += "PK\x06\x07";
    put(directory, 0, 4);
    put(directory, start + size, 8);
    put(directory, 1, 4);
  }
  directory += "PK\x05\x06";
  put(directory, 0, 4);  // disks
  put(directory, wide ? 0xffff : members_.size(), 2);
  put(directory, wide ? 0xffff : members_.size(), 2);
  put(directory, capped(size, wide), 4);
  put(directory, capped(start, wide), 4);
  put(directory, 0, 2);  // comment
  emit(directory);
}

}  // namespace tramontane::synthetic
