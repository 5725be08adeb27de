#pragma once
#include <chrono>

namespace tramontane {

/// Wall-clock time since it was made or since the last lap().
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - last_).count(); }
  double lap() {
    const auto now = Clock::now();
    const double lap_seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return lap_seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_ = Clock::now();
};

}  // namespace tramontane
