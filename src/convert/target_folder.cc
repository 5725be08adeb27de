#include "convert/target_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "checkpoint/weight_files.h"
#include "convert/target_file.h"
#include "core/fail.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = ".tramontane-partial";

std::string last_error() { return std::generic_category().message(errno); }

/// Nothing, or an empty folder.
bool is_free(const fs::path& path) {
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return true;
  return fs::is_directory(status) && fs::is_empty(path, error) && !error;
}

/// Only what a conversion or a download made may be replaced: nobody's home, nobody's project.
bool is_checkpoint(const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error) || !fs::is_regular_file(path / "config.json", error)) return false;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory(error)) return false;
  }
  return !error && has_weight_files(path);
}

void check_target(const fs::path& target, bool overwrite) {
  if (is_free(target)) return;
  if (!overwrite) fail("{}: expected nothing there, found something (--force replaces it)", target.string());
  if (!is_checkpoint(target)) {
    fail("{}: expected a checkpoint folder to replace, found something else", target.string());
  }
}

int open_folder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) fail("{}: cannot open as a folder: {}", path.string(), last_error());
  return fd;
}

/// Whether the path still leads to what was opened.
bool is_at(int fd, const fs::path& path) {
  struct stat opened{};
  struct stat there{};
  return fstat(fd, &opened) == 0 && lstat(path.c_str(), &there) == 0 && opened.st_dev == there.st_dev &&
         opened.st_ino == there.st_ino;
}

void sync_folder(const fs::path& path) {
  const int fd = open_folder(path);
  fsync(fd);
  ::close(fd);
}

}  // namespace

TargetPaths resolve_target(const fs::path& target) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(target), error);
  if (error) fail("{}: cannot resolve: {}", target.string(), error.message());
  if (!path.has_filename()) path = path.parent_path();
  if (path == path.root_path()) fail("{}: expected a folder to write, found the root", target.string());
  fs::path partial = path;
  partial += ".partial";
  return {path, partial};
}

TargetFolder::TargetFolder(const TargetPaths& paths, bool overwrite) : paths_(paths), overwrite_(overwrite) {
  check_target(paths_.target, overwrite_);
  std::error_code error;
  fs::create_directories(paths_.target.parent_path(), error);
  if (!error) fs::create_directory(paths_.partial, error);
  if (error) fail("{}: cannot create: {}", paths_.partial.string(), error.message());
  lock_ = open_folder(paths_.partial);
  try {
    lock();
    tidy_up();
    write_file(paths_.partial / kMarker, "");
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

void TargetFolder::lock() {
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0 || !is_at(lock_, paths_.partial)) {
    fail("{}: another process is writing it", paths_.partial.string());
  }
}

/// Removes what an earlier process left: only where there is its marker.
void TargetFolder::tidy_up() {
  const fs::path& partial = paths_.partial;
  std::error_code error;
  if (fs::is_empty(partial, error)) return;
  if (!fs::exists(partial / kMarker, error)) {
    fail("{}: expected nothing there, found a folder that no conversion left", partial.string());
  }
  for (fs::directory_iterator entry(partial, error), end; !error && entry != end; entry.increment(error)) {
    fs::remove_all(entry->path(), error);
    if (error) break;
  }
  if (error) {
    fail("{}: cannot remove what an earlier process left: {}", partial.string(), error.message());
  }
}

TargetFolder::~TargetFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(paths_.partial, ignored);
  ::close(lock_);
}

void TargetFolder::commit() {
  std::error_code error;
  fs::remove(paths_.partial / kMarker, error);
  sync_folder(paths_.partial);
  check_target(paths_.target, overwrite_);  // it may have come in the meantime
  // Over nothing or an empty folder.
  if (::rename(paths_.partial.c_str(), paths_.target.c_str()) == 0) {
    committed_ = true;
  } else if (!overwrite_ || renameat2(AT_FDCWD, paths_.partial.c_str(), AT_FDCWD, paths_.target.c_str(),
                                      RENAME_EXCHANGE) != 0) {
    fail("{}: cannot rename to {}: {}", paths_.partial.string(), paths_.target.string(), last_error());
  }
  // After an exchange the old folder is at `partial`, and the destructor removes it.
  sync_folder(paths_.target.parent_path());
}

}  // namespace tramontane
