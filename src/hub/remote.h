#pragma once
#include <optional>
#include <string>

#include "hub/environment.h"
#include "hub/http.h"
#include "hub/listing.h"
#include "hub/model_name.h"
#include "hub/retry.h"

namespace tramontane::hub {

/// A model on the hub and how it is asked for.
struct Remote {
  ModelName model;
  Environment environment;
  RetryContext retry;

  HttpClient client() const;
  /// Where a file's content is, at a commit.
  std::string file_url(const std::string& commit, const std::string& file) const;
  /// Asks what is there. Throws Error, Stopped.
  Listing list() const;

  /// What to do about an answer that is not `what`, a name for messages, as it should be: none for 200 and
  /// 206, Trouble where another attempt may help, else Error, which says what the user can do.
  std::optional<Trouble> check(const HttpResponse& response, const std::string& what) const;
};

}  // namespace tramontane::hub
