#include "hub/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <ctime>
#include <thread>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

void wait(double seconds, const Stop& stop) {
  using Clock = std::chrono::steady_clock;
  using namespace std::chrono_literals;
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (auto now = Clock::now(); now < end; now = Clock::now()) {
    if (stop()) throw Stopped();
    std::this_thread::sleep_for(std::min<Clock::duration>(50ms, end - now));
  }
}

}  // namespace

std::optional<double> Backoff::next(const Trouble& trouble) {
  if (trouble.progressed) attempts_ = 0;
  if (attempts_ == policy_.retries) return std::nullopt;
  const double doubled = policy_.first_seconds * std::exp2(attempts_++);
  const double jitter = std::uniform_real_distribution<double>(1, 1.5)(random_);
  const double seconds = std::min(doubled * jitter, policy_.longest_seconds);
  if (!trouble.wait_seconds) return seconds;
  if (*trouble.wait_seconds > policy_.longest_asked_seconds) return std::nullopt;
  return std::max(*trouble.wait_seconds, seconds);
}

std::optional<double> parse_retry_after(const std::string& text) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) {
    return seconds < 0 ? std::nullopt : std::optional<double>(seconds);
  }
  const std::time_t date = curl_getdate(text.c_str(), nullptr);
  if (date == -1) return std::nullopt;
  return std::max(0., std::difftime(date, std::time(nullptr)));
}

void retry(const std::string& what, const RetryContext& context,
           const std::function<std::optional<Trouble>()>& attempt) {
  Backoff backoff(context.policy);
  while (const auto trouble = attempt()) {
    const auto seconds = backoff.next(*trouble);
    const double asked = trouble->wait_seconds.value_or(0);
    if (!seconds && asked > context.policy.longest_asked_seconds) {
      fail("{}: {}; the hub asks to come back in {:.0f} s", what, trouble->reason, asked);
    }
    if (!seconds) fail("{}: {}; given up, what has come is kept", what, trouble->reason);
    context.note(fmt::format("{}: {}; trying again in {:.1f} s", what, trouble->reason, *seconds));
    wait(*seconds, context.stop);
  }
}

}  // namespace tramontane::hub
