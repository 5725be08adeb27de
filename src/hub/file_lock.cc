#include "hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "core/fail.h"

namespace tramontane::hub {

bool is_at(int fd, const std::filesystem::path& path) {
  struct stat open_file{};
  struct stat named{};
  return fstat(fd, &open_file) == 0 && stat(path.c_str(), &named) == 0 && open_file.st_dev == named.st_dev &&
         open_file.st_ino == named.st_ino;
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

int Descriptor::release() { return std::exchange(fd_, -1); }

Descriptor open_locked(const std::filesystem::path& path, const std::function<void()>& waiting,
                       const Stop& stop) {
  using namespace std::chrono_literals;
  constexpr mode_t kMode = 0664;
  constexpr int kMostVanished = 100;
  bool told = false;
  for (int vanished = 0;;) {  // another process's end may remove the file and its folder each time
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) fail("{}: cannot make the folder: {}", path.parent_path().string(), error.message());
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (file.get() < 0) {
      if (errno != ENOENT || ++vanished == kMostVanished) {
        fail("{}: cannot open: {}", path.string(), std::generic_category().message(errno));
      }
    } else if (flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      if (!std::exchange(told, true)) waiting();
    } else if (is_at(file.get(), path)) {
      return file;
    }
    if (stop()) throw Stopped();
    std::this_thread::sleep_for(50ms);
  }
}

}  // namespace tramontane::hub
