#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cli/terminal.h"
#include "core/fail.h"

namespace tramontane::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 100ms;
constexpr auto kLine = 10s;      // between plain lines
constexpr auto kRateOver = 10s;  // the time that a rate is the mean of
constexpr auto kRateSamples = 500ms;

std::string duration(double seconds) {
  constexpr double kLongest = 100 * 3600;
  const auto whole = static_cast<int>(std::min(seconds, kLongest));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

ProgressBar::ProgressBar(std::string label, ProgressOptions options)
    : label_(std::move(label)), options_(options), terminal_(isatty(STDERR_FILENO) == 1) {
  if (!terminal_) next_ = Clock::now() + kLine;
}

void ProgressBar::show(std::int64_t done, std::int64_t total, std::string_view remark) {
  if (options_.quiet || !(terminal_ || options_.lines)) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (!samples_.empty() && done < samples_.back().done) samples_.clear();  // some of it is done again
  if (samples_.empty() || now - samples_.back().time >= kRateSamples) samples_.push_back({now, done});
  while (samples_.size() > 2 && now - samples_.front().time > kRateOver) samples_.pop_front();
  const bool ended = terminal_ && done >= total;  // which short work shows too
  if (now < next_ && !ended) return;
  next_ = now + (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kLine));
  draw(done, total, remark);
}

double ProgressBar::rate() const {
  const Sample &first = samples_.front(), &last = samples_.back();
  const double seconds = std::chrono::duration<double>(last.time - first.time).count();
  return seconds > 0 ? static_cast<double>(last.done - first.done) / seconds : 0;
}

std::string ProgressBar::amounts(std::int64_t done, std::int64_t total) const {
  if (options_.unit == ProgressUnit::tokens) return fmt::format("{}/{} tokens", done, total);
  std::string text = fmt::format("{} of {}", human_bytes(static_cast<double>(done)),
                                 human_bytes(static_cast<double>(total)));
  if (const double per_second = rate(); per_second > 0) {
    text += fmt::format(", {}/s, {} left", human_bytes(per_second),
                        duration(static_cast<double>(total - done) / per_second));
  }
  return text;
}

void ProgressBar::draw(std::int64_t done, std::int64_t total, std::string_view remark) {
  constexpr double kWidth = 30;
  const double share =
      total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0., 1.) : 1;
  const std::string tail = remark.empty() ? "" : fmt::format(", {}", remark);
  if (!terminal_) {
    note(fmt::format("[INFO] {}: {:.0f}%, {}{}\n", label_, 100 * share, amounts(done, total), tail));
    return;
  }
  const std::string bar(static_cast<std::size_t>(share * kWidth), '#');
  std::string line = fmt::format("{} [{:30}] {}{}", label_, bar, amounts(done, total), tail);
  line.resize(std::min(line.size(), terminal_columns() - 1));  // a line that wraps could not be taken away
  note("\r" + line + "\x1b[K");
  shown_ = true;
}

void ProgressBar::say(std::string_view line) {
  const std::lock_guard lock(mutex_);
  erase();
  note(line);
}

void ProgressBar::clear() {
  const std::lock_guard lock(mutex_);
  erase();
}

void ProgressBar::erase() {
  if (!shown_) return;
  note("\r\x1b[K");
  shown_ = false;
  next_ = {};  // what comes next is drawn at once
}

}  // namespace tramontane::cli
