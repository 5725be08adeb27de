#pragma once
#include <filesystem>

namespace tramontane {

/// Where a folder goes: absolute, every link on the way resolved.
struct TargetPaths {
  std::filesystem::path target;
  std::filesystem::path partial;  // NAME.partial beside it, where it is written first
};

/// Throws Error for the root of the file system.
TargetPaths resolve_target(const std::filesystem::path& target);

/// A folder that appears whole or not at all. It is written at `partial`, and renamed at the end; until then
/// whatever is at the target stays as it is. What a killed process left (a marker file tells) is removed by
/// the next one. Not thread-safe; neither copied nor moved.
class TargetFolder {
 public:
  /// Throws Error when something is at the target (an empty folder does not count): with `overwrite`, only
  /// when it is something else than a checkpoint; when `partial` is something that no TargetFolder left; and
  /// when another process is writing there.
  TargetFolder(const TargetPaths& paths, bool overwrite);
  TargetFolder(const TargetFolder&) = delete;
  TargetFolder& operator=(const TargetFolder&) = delete;
  /// Removes what was written, unless it was committed.
  ~TargetFolder();

  /// Where to write.
  const std::filesystem::path& path() const { return paths_.partial; }
  /// Puts the folder in its place; what was there is removed. Throws Error.
  void commit();

 private:
  void lock();
  void tidy_up();

  TargetPaths paths_;
  bool overwrite_;
  int lock_ = -1;  // a file descriptor of the partial folder
  bool committed_ = false;
};

}  // namespace tramontane
