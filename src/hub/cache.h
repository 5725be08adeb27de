#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "hub/listing.h"
#include "hub/model_name.h"

namespace tramontane::hub {

/// The folder of models that the huggingface_hub library also uses, in its layout:
///   models--OWNER--NAME/blobs/DIGEST            the contents
///   models--OWNER--NAME/snapshots/COMMIT/FILE   relative links to them
///   models--OWNER--NAME/refs/REVISION           the commit that a branch or tag was last seen at
///   .locks/models--OWNER--NAME/DIGEST.lock      held while a blob is written
/// Names given to it have passed the checks of model_name.h.
class Cache {
 public:
  explicit Cache(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path blob(const std::string& repo, const std::string& digest) const;
  std::filesystem::path lock(const std::string& repo, const std::string& digest) const;
  std::filesystem::path snapshot(const std::string& repo, const std::string& commit) const;

  /// The snapshot of a model at its revision, if it was pulled; looks at the disk alone.
  std::optional<std::filesystem::path> find(const ModelName& model) const;

  /// Makes `file` of a snapshot a link to its blob, in place of whatever is there. Without `symlinks`, or on
  /// a file system that has none, it becomes a hard link, or else a copy. It is never seen missing or in
  /// part. A file whose blob is not there has taken the blob's place, as huggingface_hub lets it do, and is
  /// left.
  void link(const std::string& repo, const std::string& commit, const RemoteFile& file, bool symlinks) const;

  /// Remembers the commit of a revision. Does nothing for a revision that is its commit.
  void write_ref(const ModelName& model, const std::string& commit) const;

  /// Marks the cache as one, so that backups can leave it out.
  void tag() const;

 private:
  std::filesystem::path repo_folder(const std::string& repo) const;
  std::filesystem::path root_;
};

}  // namespace tramontane::hub
