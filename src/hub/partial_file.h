#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "hub/digest.h"
#include "hub/file_lock.h"

namespace tramontane::hub {

/// The digest of a whole file. Throws Error when it cannot be read, Stopped on `stop`.
std::string digest_of_file(const std::filesystem::path& path, const Content& content, const Stop& stop);

/// The first bytes of a file that is still to be completed, on disk under a name of its own, and their
/// digest. What an earlier run left is taken up. One thread at a time; one process at a time, by a lock.
class PartialFile {
 public:
  /// Opens what is there, reads and hashes it. Throws Error when it cannot be read, Stopped on `stop`.
  PartialFile(std::filesystem::path path, const Content& content, const std::function<void()>& waiting,
              const Stop& stop);

  std::int64_t size() const { return size_; }
  /// Throws Error when the disk is full; what fitted stays.
  void append(std::string_view bytes);
  /// Forgets all bytes.
  void restart();
  /// The digest of all bytes, in hexadecimal digits; asked once, when size() is the content's.
  std::string digest() { return hasher_.hex(); }
  const std::filesystem::path& path() const { return path_; }
  /// Gives the file its final name, replacing what has it, once its bytes are on the disk. Throws Error when
  /// path() is another file by now.
  void publish(const std::filesystem::path& path);
  void remove();

 private:
  [[noreturn]] void fail_with_errno(const char* action) const;

  std::filesystem::path path_;
  Content content_;
  Descriptor file_;
  Hasher hasher_;
  std::int64_t size_ = 0;
};

}  // namespace tramontane::hub
