#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hub/environment.h"
#include "hub/model_name.h"
#include "hub/remote.h"
#include "hub/select.h"

namespace tramontane::hub {

struct PullOptions {
  ModelName model;
  Environment environment;
  Patterns patterns;
  std::optional<std::filesystem::path> folder;  // plain files there, instead of the cache
  bool force = false;                           // replace other files of the same names in `folder`
  int jobs = 4;                                 // connections
  RetryPolicy retry;
};

/// What a pull tells meanwhile. Called by several threads.
struct PullCallbacks {
  std::function<void(std::int64_t done, std::int64_t total)> progress;  // bytes
  std::function<void(const std::string&)> note;  // one line: something went wrong, not for good
  Stop stop;                                     // true: end with Stopped
};

/// A content and the files that are to have it: nearly always one.
struct PlannedContent {
  Content content;
  std::vector<std::string> files;
  bool present = false;            // all of them are there
  std::int64_t bytes_present = 0;  // all of the content's, or those of an earlier attempt
};

/// What a pull is about to do.
struct PullPlan {
  Remote remote;
  std::string commit;
  std::filesystem::path folder;  // where the model will be
  std::vector<PlannedContent> contents;
  PullOptions options;

  std::int64_t total_bytes() const;
  std::int64_t missing_bytes() const;
};

/// Asks the hub what the model is made of and looks at what is there already; writes nothing. Throws Error,
/// also when a file in `options.folder` is another one than the hub's, unless forced.
PullPlan plan_pull(const PullOptions& options, const PullCallbacks& callbacks);

/// Fetches what is missing. The snapshot in the cache, or a file in the folder, appears when it is whole.
/// Throws Error or Stopped; what has come is kept, and a new plan goes on from there.
void pull(const PullPlan& plan, const PullCallbacks& callbacks);

}  // namespace tramontane::hub
