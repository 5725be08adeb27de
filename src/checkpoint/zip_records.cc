#include "checkpoint/zip_records.h"

#include <algorithm>

namespace tramontane {
namespace {

constexpr std::uint64_t kLimit32 = 0xffffffff;
constexpr std::uint16_t kVersion = 45;  // of the format: the one with 64-bit records

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; i++) out += static_cast<char>(value >> (8 * i) & 0xff);
}

std::uint64_t capped(std::uint64_t value, bool wide) { return wide ? kLimit32 : value; }

std::string central_header(const ZipRecord& member) {
  const bool wide = member.zip64 || std::max({member.size, member.stored_size, member.offset}) >= kLimit32;
  std::string header = "PK\x01\x02";
  put(header, kVersion, 2);
  put(header, kVersion, 2);
  put(header, 0, 2);  // flags
  put(header, member.deflated ? 8 : 0, 2);
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

}  // namespace

std::string local_header(const ZipRecord& member) {
  const bool wide = member.zip64 || member.size >= kLimit32;
  std::string header = "PK\x03\x04";
  put(header, kVersion, 2);
  put(header, 0, 2);  // flags
  put(header, member.deflated ? 8 : 0, 2);
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

std::string central_directory(std::span<const ZipRecord> members, std::uint64_t offset, bool zip64) {
  std::string directory;
  for (const ZipRecord& member : members) directory += central_header(member);
  const std::uint64_t size = directory.size();
  const bool wide = zip64 || offset >= kLimit32 || members.size() >= 0xffff;
  if (wide) {
    directory += "PK\x06\x06";
    put(directory, 44, 8);  // size of the rest of this record
    put(directory, kVersion, 2);
    put(directory, kVersion, 2);
    put(directory, 0, 4);  // this disk
    put(directory, 0, 4);  // the directory's disk
    put(directory, members.size(), 8);
    put(directory, members.size(), 8);
    put(directory, size, 8);
    put(directory, offset, 8);
    directory += "PK\x06\x07";
    put(directory, 0, 4);
    put(directory, offset + size, 8);
    put(directory, 1, 4);
  }
  directory += "PK\x05\x06";
  put(directory, 0, 4);  // disks
  put(directory, wide ? 0xffff : members.size(), 2);
  put(directory, wide ? 0xffff : members.size(), 2);
  put(directory, capped(size, wide), 4);
  put(directory, capped(offset, wide), 4);
  put(directory, 0, 2);  // comment
  return directory;
}

}  // namespace tramontane
