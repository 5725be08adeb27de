#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace tramontane {

/// A new file of known size, written in any order. Owner; move-only. Writing is safe from any thread. Errors
/// name the file.
class TargetFile {
 public:
  /// Throws Error when it cannot be created or the disk has no room for `size` bytes.
  TargetFile(const std::filesystem::path& path, std::uint64_t size);
  TargetFile(TargetFile&& other) noexcept;
  TargetFile& operator=(TargetFile&& other) noexcept;
  TargetFile(const TargetFile&) = delete;
  TargetFile& operator=(const TargetFile&) = delete;
  ~TargetFile();

  void write(std::uint64_t offset, std::span<const std::byte> bytes) const;
  void write(std::uint64_t offset, std::string_view text) const {
    write(offset, std::as_bytes(std::span(text)));
  }
  /// Returns when all of it is on the disk.
  void sync() const;

 private:
  std::string name_;
  int fd_ = -1;
};

/// A small file with this text, on the disk.
void write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace tramontane
