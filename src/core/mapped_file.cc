#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/fail.h"

namespace tramontane {
namespace {

struct FileDescriptor {
  explicit FileDescriptor(const std::filesystem::path& path)
      : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

std::string last_error() { return std::strerror(errno); }  // NOLINT(concurrency-mt-unsafe): glibc's is

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  const FileDescriptor file(path);
  if (file.fd < 0) fail("{}: cannot open: {}", path.string(), last_error());
  struct stat info{};
  if (fstat(file.fd, &info) != 0) fail("{}: cannot read its size: {}", path.string(), last_error());
  if (!S_ISREG(info.st_mode)) fail("{}: expected a regular file", path.string());

  MappedFile mapped;
  mapped.name_ = path.string();
  mapped.size_ = static_cast<std::size_t>(info.st_size);
  if (mapped.size_ == 0) return mapped;
  void* at = mmap(nullptr, mapped.size_, PROT_READ, MAP_SHARED, file.fd, 0);
  if (at == MAP_FAILED) {  // NOLINT(performance-no-int-to-ptr): the system's own macro
    fail("{}: cannot map {}: {}", path.string(), human_bytes(static_cast<double>(mapped.size_)),
         last_error());
  }
  mapped.data_ = static_cast<const std::byte*>(at);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(name_, other.name_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_text(const std::filesystem::path& path, std::size_t limit) {
  const MappedFile file = MappedFile::open(path);
  const auto bytes = file.bytes();
  if (bytes.size() > limit) {
    fail("{}: expected at most {}, found {}", path.string(), human_bytes(static_cast<double>(limit)),
         human_bytes(static_cast<double>(bytes.size())));
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace tramontane
