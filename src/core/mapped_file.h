#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace tramontane {

/// Owner of a read-only mapping of a whole file. Move-only; the bytes stay where they are when the owner
/// moves. The bytes are untrusted and at no particular alignment within the file.
class MappedFile {
 public:
  /// Throws Error when the file is missing, unreadable, not a regular file or cannot be mapped.
  static MappedFile open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& name() const { return name_; }  // the path as given, for messages

 private:
  MappedFile() = default;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::string name_;
};

/// The whole of a small text file (configuration, index, prompt). Throws Error when it is missing or larger
/// than `limit` bytes, so that a hostile path cannot exhaust memory.
std::string read_text(const std::filesystem::path& path, std::size_t limit);

}  // namespace tramontane
