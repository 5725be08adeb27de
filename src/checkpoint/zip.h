#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/memory.h"

namespace tramontane {

/// One member of a zip archive, where it lies in the mapped file.
struct ZipMember {
  std::string name;
  std::uint64_t begin = 0;            // of its local header, in the file
  std::span<const std::byte> stored;  // as it is in the archive, perhaps compressed
  std::uint64_t size = 0;             // uncompressed; equal to stored.size() when stored plainly
  std::uint32_t crc = 0;              // of the uncompressed bytes
  bool deflated = false;
};

/// The members of an archive, by its central directory, in the order of their place in the file. Reads the
/// directory and the local headers, nothing else: what the two say of a member must agree. Throws Error for
/// whatever is not a plain single-file archive of stored and deflated members with distinct names that do not
/// overlap.
std::vector<ZipMember> read_zip_directory(std::span<const std::byte> bytes, const std::string& file);

/// Uncompressed bytes, made once each, within a limit on their sum. Move-only; the spans stay valid as it
/// moves.
class InflatedMembers {
 public:
  /// `limit`: bytes that all members together may take.
  explicit InflatedMembers(std::uint64_t limit) : left_(limit) {}

  /// Inflates a deflated member, and checks its size and its checksum. Throws Error, also when the limit or
  /// the memory does not suffice.
  std::span<const std::byte> inflate(const ZipMember& member, const std::string& file);

 private:
  std::uint64_t left_;
  std::vector<Buffer> buffers_;
};

}  // namespace tramontane
