#pragma once
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "hub/file_lock.h"

namespace tramontane::hub {

/// Why an attempt failed that may succeed when made again.
struct Trouble {
  std::string reason;
  std::optional<double> wait_seconds{};  // that the peer asked for
  bool progressed = false;               // something was achieved: the count of attempts starts anew
};

struct RetryPolicy {
  int retries = 7;              // in a row without progress
  double first_seconds = 0.25;  // doubled each time, and up to half of it more by chance
  double longest_seconds = 30;
  double longest_asked_seconds = 300;  // a peer that asks for a longer wait is not waited for
};

/// The waits between attempts.
class Backoff {
 public:
  explicit Backoff(const RetryPolicy& policy) : policy_(policy) {}
  /// Seconds until the next attempt; none: no more attempts.
  std::optional<double> next(const Trouble& trouble);

 private:
  RetryPolicy policy_;
  int attempts_ = 0;
  std::minstd_rand random_{std::random_device()()};
};

/// Seconds from a Retry-After header, a number or a date; none when it is neither.
std::optional<double> parse_retry_after(const std::string& text);

struct RetryContext {
  RetryPolicy policy;
  Stop stop;
  std::function<void(const std::string&)> note;  // told of each new attempt, one line
};

/// Calls `attempt` until it returns none. Throws Error naming `what` when it was tried often enough, Stopped
/// when told to stop while waiting.
void retry(const std::string& what, const RetryContext& context,
           const std::function<std::optional<Trouble>()>& attempt);

}  // namespace tramontane::hub
