#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace tramontane {

/// What a zip archive's records say of one member.
struct ZipRecord {
  std::string name;
  std::uint64_t offset = 0;  // of its local header
  std::uint64_t size = 0;
  std::uint64_t stored_size = 0;  // equal to size unless deflated
  std::uint32_t crc = 0;          // of the uncompressed bytes
  bool deflated = false;
  bool zip64 = false;  // 64-bit records even where 32 bits would do
};

/// What stands before the member's bytes. Its length depends on the name and the sizes alone. The time is the
/// first day of 1980, so that equal members give equal bytes.
std::string local_header(const ZipRecord& member);

/// The central directory, for the end of an archive: it begins at `offset`.
std::string central_directory(std::span<const ZipRecord> members, std::uint64_t offset, bool zip64 = false);

}  // namespace tramontane
