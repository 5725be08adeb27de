#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/partial_file.h"
#include "hub/remote.h"

namespace tramontane::hub {

/// A content to fetch, and what becomes of it.
struct Download {
  RemoteFile file;
  std::filesystem::path partial;
  std::filesystem::path lock;     // held meanwhile; empty: the partial file's own lock is enough
  std::int64_t bytes_counted;     // of an earlier attempt, which on_bytes need not be told of
  std::function<bool()> present;  // whether another process has fetched it, asked under both locks
  std::function<void(PartialFile&)> publish{};  // when all is there and right
};

struct DownloadOptions {
  int jobs = 4;  // connections
  std::int64_t part_size = 32 << 20;
  std::function<void(std::int64_t)> on_bytes;  // called by several threads: so many more are there, or fewer
};

/// Fetches the contents over several connections, large files in parts at once, resuming what is partly
/// there; checks size and digest of each, and fetches it once more when they are wrong. Contents are
/// different from each other. Throws Error, or Stopped; what has come is kept.
void download(const Remote& remote, const std::string& commit, const std::vector<Download>& wanted,
              const DownloadOptions& options);

}  // namespace tramontane::hub
