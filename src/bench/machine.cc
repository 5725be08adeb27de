#include "bench/machine.h"

#include <algorithm>
#include <barrier>
#include <cstring>
#include <numeric>

#include "bench/huge_memory.h"
#include "core/fail.h"
#include "engine/stopwatch.h"

namespace tramontane::bench {
namespace {

constexpr std::size_t kChunk = std::size_t{4} << 20;         // read between two looks at the clock
constexpr std::size_t kLeastTotal = std::size_t{512} << 20;  // a desktop's caches are up to 128 MB
constexpr std::size_t kLeastPart = std::size_t{128} << 20;   // a server's up to 32 MB per core
constexpr double kReadSeconds = 0.1;
constexpr double kPeakSeconds = 0.03;
constexpr std::int64_t kRounds = 1000;  // of a peak loop between two looks at the clock: tens of microseconds

std::size_t part_bytes(int threads) {
  const std::size_t part = std::max(kLeastTotal / static_cast<std::size_t>(threads), kLeastPart);
  const double total = static_cast<double>(part) * threads;
  if (total > available_memory() / 2) {
    fail("not enough memory: measuring the bandwidth of {} threads takes {}", threads, human_bytes(total));
  }
  return part / kChunk * kChunk;
}

}  // namespace

MachineProbe::MachineProbe(const Peaks& peaks, int threads)
    : peaks_(peaks),
      pool_(threads),
      part_bytes_(part_bytes(threads)),
      parts_(static_cast<std::size_t>(threads)),
      positions_(static_cast<std::size_t>(threads)) {
  for (Buffer& part : parts_) part = allocate_huge(part_bytes_);
  on_each_thread([&](std::size_t thread) { std::memset(parts_[thread].get(), 1, part_bytes_); });
}

MachineLimits MachineProbe::measure() {
  const auto peak = [this](PeakLoop loop) {
    return total_rate(kPeakSeconds, [loop](std::size_t) { return loop(kRounds); }) / 1e9;
  };
  MachineLimits limits;
  limits.read_gb_s = total_rate(kReadSeconds,
                                [this](std::size_t thread) {
                                  std::size_t& at = positions_[thread];
                                  peaks_.read(parts_[thread].get() + at, kChunk / 64);
                                  at = (at + kChunk) % part_bytes_;
                                  return static_cast<double>(kChunk);
                                }) /
                     1e9;
  limits.int8_gop_s = peak(peaks_.int8);
  limits.int16_gop_s = peak(peaks_.int16);
  limits.f32_gflop_s = peak(peaks_.float32);
  return limits;
}

template <class Work>
double MachineProbe::total_rate(double seconds, Work&& work) {
  std::vector<double> rates(parts_.size());
  on_each_thread([&](std::size_t thread) {
    const Stopwatch watch;
    double done = 0;
    do done += work(thread);
    while (watch.seconds() < seconds);
    rates[thread] = done / watch.seconds();
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

/// Waiting for each other, the threads take one item each, which a fast one would else take from the others,
/// and start together.
template <class Task>
void MachineProbe::on_each_thread(Task&& task) {
  std::barrier start(pool_.size());
  pool_.for_each(pool_.size(), [&](std::int64_t, int thread) {
    start.arrive_and_wait();
    task(static_cast<std::size_t>(thread));
  });
}

}  // namespace tramontane::bench
