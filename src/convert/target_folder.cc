#include "convert/target_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "core/fail.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

std::string last_error() { return std::generic_category().message(errno); }

/// Nothing, or an empty folder.
bool is_free(const fs::path& path) {
  std::error_code error;
  const auto status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return true;
  return fs::is_directory(status) && fs::is_empty(path, error) && !error;
}

/// Only what a conversion or a download made may be replaced: nobody's home.
bool is_checkpoint(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) && fs::is_regular_file(path / "config.json", error);
}

void check_target(const fs::path& target, bool overwrite) {
  if (is_free(target)) return;
  if (!overwrite) fail("{}: expected nothing there, found something (--force replaces it)", target.string());
  if (!is_checkpoint(target)) {
    fail("{}: expected a checkpoint folder to replace, found something else", target.string());
  }
}

/// A folder whose name ends in a slash, or is ".", under the name of its own.
fs::path plain_name(const fs::path& target) {
  fs::path path = fs::absolute(target).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path == path.root_path()) fail("{}: expected a folder to write, found the root", target.string());
  std::error_code error;
  const fs::path real = fs::canonical(path, error);  // a link stays, and what it leads to is replaced
  return error ? path : real;
}

int open_folder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("{}: cannot open: {}", path.string(), last_error());
  return fd;
}

void sync_folder(const fs::path& path) {
  const int fd = open_folder(path);
  fsync(fd);
  ::close(fd);
}

}  // namespace

TargetFolder::TargetFolder(const fs::path& target, bool overwrite)
    : target_(plain_name(target)), partial_(target_), overwrite_(overwrite) {
  partial_ += ".partial";
  check_target(target_, overwrite_);
  std::error_code error;
  fs::create_directories(target_.parent_path(), error);
  if (!error) fs::create_directory(partial_, error);
  if (error) fail("{}: cannot create: {}", partial_.string(), error.message());
  lock_ = open_folder(partial_);
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    fail("{}: another process is writing it", partial_.string());
  }
  for (const auto& entry : fs::directory_iterator(partial_, error)) fs::remove_all(entry.path(), error);
  if (error) {
    ::close(lock_);
    fail("{}: cannot remove what an earlier process left: {}", partial_.string(), error.message());
  }
}

TargetFolder::~TargetFolder() {
  std::error_code ignored;
  if (!committed_) fs::remove_all(partial_, ignored);
  ::close(lock_);
}

void TargetFolder::commit() {
  sync_folder(partial_);
  check_target(target_, overwrite_);  // it may have come in the meantime
  // Over nothing or an empty folder.
  if (::rename(partial_.c_str(), target_.c_str()) == 0) {
    committed_ = true;
  } else if (renameat2(AT_FDCWD, partial_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
    fail("{}: cannot rename to {}: {}", partial_.string(), target_.string(), last_error());
  }
  // After an exchange the old folder is at partial_, and the destructor removes it.
  sync_folder(target_.parent_path());
}

}  // namespace tramontane
