#include "kernels/peaks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "bench/machine.h"
#include "kernels/guarded_memory.h"
#include "kernels/kernels.h"

namespace tramontane::bench {
namespace {

using tramontane::testing::Edge;
using tramontane::testing::GuardedMemory;

TEST(Peaks, EveryRunnableTablesLoopsCountTheirOperations) {
  for (const Kernels* kernels : runnable_kernels()) {
    const Peaks peaks = choose_peaks(kernels->name, detect_cpu_features());
    for (const PeakLoop loop : {peaks.int8, peaks.int16, peaks.float32}) {
      EXPECT_GT(loop(1), 0) << kernels->name;
      EXPECT_EQ(loop(30), 30 * loop(1)) << kernels->name;
      EXPECT_EQ(loop(0), 0) << kernels->name;
    }
  }
}

TEST(Peaks, FollowTheTableAndTheCpu) {
  EXPECT_EQ(choose_peaks("scalar", {}).int8, scalar_peaks.int8);
#if defined(__x86_64__)
  EXPECT_EQ(choose_peaks("avx2", {}).int8, avx2_peaks.int8);
  EXPECT_EQ(choose_peaks("avx2", {.avxvnni = true}).int16, avx2_peaks.int16_vnni);
  EXPECT_EQ(choose_peaks("avx512", {.avxvnni = true}).int8, avx512_peaks.int8);
  EXPECT_EQ(choose_peaks("avx512", {.avx512vnni = true}).int8, avx512_peaks.int8_vnni);
#endif
}

TEST(Peaks, ReadNothingBesideTheLines) {
  for (const Kernels* kernels : runnable_kernels()) {
    const Peaks peaks = choose_peaks(kernels->name, detect_cpu_features());
    for (const Edge edge : {Edge::begin, Edge::end}) {
      const GuardedMemory memory(64 * 12, edge);
      peaks.read(memory.data(), 12);
    }
  }
}

TEST(MachineProbe, MeasuresWhatIsPossible) {
  const MachineLimits limits =
      MachineProbe(choose_peaks(choose_kernels().name, detect_cpu_features()), 2).measure();
  // No two cores read 2 TB/s from memory or do 100 Top/s: loops that do nothing would.
  EXPECT_GT(limits.read_gb_s, 0.1);
  EXPECT_LT(limits.read_gb_s, 2000);
  for (const double rate : {limits.int8_gop_s, limits.int16_gop_s, limits.f32_gflop_s}) {
    EXPECT_GT(rate, 0.1);
    EXPECT_LT(rate, 1e5);
  }
}

}  // namespace
}  // namespace tramontane::bench
