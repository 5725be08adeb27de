#include "hub/partial_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

/// Adds what follows in the file, up to its end or until there is more than `limit`; how many bytes those
/// are. -1: errno says why they cannot be read.
std::int64_t hash_rest(int fd, Hasher& hasher, std::int64_t limit, const Stop& stop) {
  std::string buffer(1 << 20, '\0');
  for (std::int64_t size = 0;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    hasher.add({buffer.data(), static_cast<std::size_t>(got)});
    size += got;
    if (got == 0 || size > limit) return size;
    if (stop()) throw Stopped();
  }
}

}  // namespace

std::string digest_of_file(const std::filesystem::path& path, const Content& content, const Stop& stop) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Hasher hasher(content.kind, content.size);
  if (file.get() < 0 || hash_rest(file.get(), hasher, content.size, stop) < 0) {
    fail("{}: cannot read: {}", path.string(), std::generic_category().message(errno));
  }
  return hasher.hex();
}

PartialFile::PartialFile(std::filesystem::path path, const Content& content,
                         const std::function<void()>& waiting, const Stop& stop)
    : path_(std::move(path)),
      content_(content),
      file_(open_locked(path_, waiting, stop)),
      hasher_(content.kind, content.size) {
  size_ = hash_rest(file_.get(), hasher_, content_.size, stop);
  if (size_ < 0) fail_with_errno("read");
  if (size_ > content_.size) restart();
}

void PartialFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(file_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_with_errno("write");
    const auto count = static_cast<std::size_t>(put);
    hasher_.add(bytes.substr(0, count));
    bytes.remove_prefix(count);
    size_ += put;
  }
}

void PartialFile::restart() {
  if (ftruncate(file_.get(), 0) != 0 || lseek(file_.get(), 0, SEEK_SET) != 0) fail_with_errno("empty it");
  hasher_ = Hasher(content_.kind, content_.size);
  size_ = 0;
}

void PartialFile::publish(const std::filesystem::path& path) {
  if (fdatasync(file_.get()) != 0) fail_with_errno("write");
  if (!is_at(file_.get(), path_)) {
    fail("{}: expected the file that was fetched, found that another one has its name", path_.string());
  }
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (!error) std::filesystem::rename(path_, path, error);
  if (error) fail("{}: cannot make it from {}: {}", path.string(), path_.string(), error.message());
}

void PartialFile::remove() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void PartialFile::fail_with_errno(const char* action) const {
  fail("{}: cannot {}: {}", path_.string(), action, std::generic_category().message(errno));
}

}  // namespace tramontane::hub
