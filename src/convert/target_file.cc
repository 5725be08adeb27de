#include "convert/target_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/fail.h"

namespace tramontane {
namespace {

std::string last_error() { return std::generic_category().message(errno); }

}  // namespace

TargetFile::TargetFile(const std::filesystem::path& path, std::uint64_t size)
    : name_(path.string()), fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (fd_ < 0) fail("{}: cannot create: {}", name_, last_error());
  // A full disk is better known now than after an hour; where the file system cannot tell, writing will.
  if (size == 0 || fallocate(fd_, 0, 0, static_cast<off_t>(size)) == 0) return;
  const int error = errno;
  if (error == EOPNOTSUPP || error == ENOSYS || error == EINTR) return;
  const std::string message = std::generic_category().message(error);
  ::close(std::exchange(fd_, -1));
  fail("{}: no room for {}: {}", name_, human_bytes(static_cast<double>(size)), message);
}

TargetFile::TargetFile(TargetFile&& other) noexcept { *this = std::move(other); }

TargetFile& TargetFile::operator=(TargetFile&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(fd_, other.fd_);
  return *this;
}

TargetFile::~TargetFile() {
  if (fd_ >= 0) ::close(fd_);
}

void TargetFile::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("{}: cannot write: {}", name_, last_error());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void TargetFile::sync() const {
  if (fsync(fd_) != 0 && errno != EINVAL) fail("{}: cannot write: {}", name_, last_error());
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  const TargetFile file(path, text.size());
  file.write(0, text);
  file.sync();
}

}  // namespace tramontane
