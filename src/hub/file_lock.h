#pragma once
#include <filesystem>
#include <functional>

namespace tramontane::hub {

/// True: give up what you are waiting for.
using Stop = std::function<bool()>;

/// Thrown by what was told to give up; not an error.
struct Stopped {};

/// Owner of a file descriptor. Move-only.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int release();
  int fd_ = -1;
};

/// Whether the name still means the file that is open: another process may have removed or renamed it.
bool is_at(int fd, const std::filesystem::path& path);

/// Opens `path` for reading and writing, makes it if need be, and holds flock's exclusive lock on it, as
/// huggingface_hub does; its folder is made too. While another process has the lock, `waiting` is called once
/// and the lock tried again until `stop`, which throws Stopped. On a file system without locks there is none.
/// Throws Error when the file cannot be opened.
Descriptor open_locked(const std::filesystem::path& path, const std::function<void()>& waiting,
                       const Stop& stop);

}  // namespace tramontane::hub
