#pragma once
#include <filesystem>

namespace tramontane {

/// A folder that appears whole or not at all. It is written beside its place, as NAME.partial, and renamed at
/// the end; until then whatever is at the place stays as it is. What a killed process left is removed by the
/// next one. Move-only is not needed: one per conversion.
class TargetFolder {
 public:
  /// Throws Error when something is at `target` (an empty folder does not count): with `overwrite`, only when
  /// it is something else than a checkpoint folder; and when another process is writing the same target.
  TargetFolder(const std::filesystem::path& target, bool overwrite);
  TargetFolder(const TargetFolder&) = delete;
  TargetFolder& operator=(const TargetFolder&) = delete;
  /// Removes what was written, unless it was committed.
  ~TargetFolder();

  /// Where to write.
  const std::filesystem::path& path() const { return partial_; }
  /// Puts the folder in its place; what was there is removed. Throws Error.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path partial_;
  bool overwrite_;
  int lock_ = -1;  // a file descriptor of partial_
  bool committed_ = false;
};

}  // namespace tramontane
