#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
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

struct MappedFiles::Entry {
  explicit Entry(const std::filesystem::path& path) : mapped(MappedFile::open(path)), file(path), at(path) {
    if (file.fd < 0) fail("{}: cannot open: {}", path.string(), last_error());
    if (fstat(file.fd, &info) != 0) fail("{}: cannot read its size: {}", path.string(), last_error());
  }

  bool holds(const std::byte* data) const {
    const auto bytes = mapped.bytes();
    return std::less_equal<>()(bytes.data(), data) && std::less<>()(data, bytes.data() + bytes.size());
  }

  MappedFile mapped;
  FileDescriptor file;
  std::filesystem::path at;
  struct stat info{};
};

MappedFiles::MappedFiles() = default;
MappedFiles::~MappedFiles() = default;
MappedFiles::MappedFiles(MappedFiles&&) noexcept = default;
MappedFiles& MappedFiles::operator=(MappedFiles&&) noexcept = default;

const MappedFile& MappedFiles::open(const std::filesystem::path& path) {
  return entries_.emplace_back(std::make_unique<Entry>(path))->mapped;
}

void MappedFiles::read(std::span<const std::byte> view, std::byte* out) const {
  const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& candidate) { return candidate->holds(view.data()); });
  if (entry == entries_.end()) {
    std::copy(view.begin(), view.end(), out);
    return;
  }
  const Entry& from = **entry;
  auto offset = view.data() - from.mapped.bytes().data();
  for (std::size_t left = view.size(); left > 0;) {
    const ssize_t got = pread(from.file.fd, out, left, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: cannot read: {}", from.mapped.name(), last_error());
    if (got == 0)
      fail("{}: expected {} more bytes, found its end: it changed while it was read", from.mapped.name(),
           left);
    out += got;
    offset += got;
    left -= static_cast<std::size_t>(got);
  }
}

std::vector<std::filesystem::path> MappedFiles::paths() const {
  std::vector<std::filesystem::path> paths;
  paths.reserve(entries_.size());
  for (const auto& entry : entries_) paths.push_back(entry->at);
  return paths;
}

void MappedFiles::check_unchanged() const {
  for (const auto& entry : entries_) {
    struct stat now{};
    const struct stat& then = entry->info;
    const bool same = ::stat(entry->at.c_str(), &now) == 0 && now.st_dev == then.st_dev &&
                      now.st_ino == then.st_ino && now.st_size == then.st_size &&
                      now.st_mtim.tv_sec == then.st_mtim.tv_sec &&
                      now.st_mtim.tv_nsec == then.st_mtim.tv_nsec;
    if (!same) fail("{}: it changed while it was read", entry->mapped.name());
  }
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
