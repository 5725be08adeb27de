#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace tramontane::cli {

enum class ProgressUnit { tokens, bytes };

struct ProgressOptions {
  ProgressUnit unit = ProgressUnit::tokens;
  bool lines = false;  // where standard error is no terminal: a line every ten seconds instead of nothing
  bool quiet = false;  // nothing at all, but warnings
};

/// The progress of long work, on standard error: a bar on a terminal, drawn at most ten times a second. Bytes
/// come with their rate over the last seconds and the time left. Safe to call from any thread; whatever else
/// is written to standard error meanwhile goes through say().
class ProgressBar {
 public:
  /// `label` and remarks are printable ASCII.
  explicit ProgressBar(std::string label, ProgressOptions options = {});
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  /// `done` of `total`; the first call is where the work starts from (resumed work is not counted as speed).
  void show(std::int64_t done, std::int64_t total, std::string_view remark = {});
  /// Writes a line (with its newline) above the bar; also when quiet.
  void say(std::string_view line);
  /// Takes the bar away.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  struct Sample {
    Clock::time_point time;
    std::int64_t done;
  };

  void draw(std::int64_t done, std::int64_t total, std::string_view remark);
  void erase();
  double rate() const;
  std::string amounts(std::int64_t done, std::int64_t total) const;

  std::mutex mutex_;
  std::string label_;
  ProgressOptions options_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point next_{};      // nothing is drawn before
  std::deque<Sample> samples_{};  // of the last seconds, oldest first
};

}  // namespace tramontane::cli
