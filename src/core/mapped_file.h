#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

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

/// Mapped files that are read once from front to back, as a conversion does: parsers look at the mappings,
/// and the bulk is read through the system, which answers with an error, not with a signal, when a file has
/// shrunk. Owner; move-only. Reading is safe from any thread.
class MappedFiles {
 public:
  MappedFiles();
  ~MappedFiles();
  MappedFiles(MappedFiles&&) noexcept;
  MappedFiles& operator=(MappedFiles&&) noexcept;

  /// Maps a file; the reference stays valid. Throws Error as MappedFile::open does.
  const MappedFile& open(const std::filesystem::path& path);

  /// The bytes of `view`, which lies in one of the mappings, or else is ordinary memory and copied. Throws
  /// Error naming the file when it cannot be read or has become shorter.
  void read(std::span<const std::byte> view, std::byte* out) const;

  /// Of all files, as they were given.
  std::vector<std::filesystem::path> paths() const;

  /// Throws Error when a file is no longer the one that was opened (size, modification time, or replaced).
  void check_unchanged() const;

 private:
  struct Entry;
  std::vector<std::unique_ptr<Entry>> entries_;
};

/// The whole of a small text file (configuration, index, prompt). Throws Error when it is missing or larger
/// than `limit` bytes, so that a hostile path cannot exhaust memory.
std::string read_text(const std::filesystem::path& path, std::size_t limit);

}  // namespace tramontane
