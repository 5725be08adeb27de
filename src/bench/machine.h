#pragma once
#include <cstddef>
#include <vector>

#include "core/memory.h"
#include "core/thread_pool.h"
#include "kernels/peaks.h"

namespace tramontane::bench {

/// What some threads can do at most, all at once. Operations count 2 per multiply-add.
struct MachineLimits {
  double read_gb_s = 0;  // 10^9 bytes/s from memory
  double int8_gop_s = 0;
  double int16_gop_s = 0;
  double f32_gflop_s = 0;
};

/// Measures the limits of `threads` threads. Holds memory much larger than the caches, each thread's part
/// touched first by that thread. One caller at a time.
class MachineProbe {
 public:
  /// Throws Error when there is not enough memory.
  MachineProbe(const Peaks& peaks, int threads);

  /// Takes a fifth of a second.
  MachineLimits measure();

 private:
  /// The sum over the threads of what `work(thread)` returns per second, called again and again.
  template <class Work>
  double total_rate(double seconds, Work&& work);
  template <class Task>
  void on_each_thread(Task&& task);

  Peaks peaks_;
  ThreadPool pool_;
  std::size_t part_bytes_;              // of one thread, whole chunks
  std::vector<Buffer> parts_;           // by thread
  std::vector<std::size_t> positions_;  // where each thread reads on: what it read last may still be cached
};

}  // namespace tramontane::bench
