#include "kernels/peaks.h"

#include <gtest/gtest.h>

#include "kernels/guarded_memory.h"
#include "kernels/kernels.h"

namespace tramontane::testing {
namespace {

TEST(Peaks, EveryRunnableTablesLoopsCountTheirOperations) {
  for (const Kernels* kernels : runnable_kernels()) {
    const Peaks peaks = choose_peaks(kernels->name);
    for (const PeakLoop loop : {peaks.int8, peaks.int16, peaks.float32}) {
      EXPECT_GT(loop(1), 0) << kernels->name;
      EXPECT_EQ(loop(30), 30 * loop(1)) << kernels->name;
      EXPECT_EQ(loop(0), 0) << kernels->name;
    }
  }
}

TEST(Peaks, FollowTheTable) {
  EXPECT_EQ(choose_peaks("scalar").int8, scalar_peaks.int8);
#if defined(__x86_64__)
  EXPECT_EQ(choose_peaks("avx2").int8, avx2_peaks.int8);
  EXPECT_EQ(choose_peaks("avxvnni").int16, avx2_peaks.int16_dots);
  EXPECT_EQ(choose_peaks("avx512").int8, avx512_peaks.int8);
  EXPECT_EQ(choose_peaks("avx512vnni").int8, avx512_peaks.int8_dots);
  EXPECT_EQ(choose_peaks("avx512vbmi").int8, avx512_peaks.int8_dots);
#elif defined(__aarch64__)
  EXPECT_EQ(choose_peaks("neon").int8, neon_peaks.int8);
  EXPECT_EQ(choose_peaks("neondotprod").int8, neon_peaks.int8_dots);
#endif
}

TEST(Peaks, ReadNothingBesideTheLines) {
  for (const Kernels* kernels : runnable_kernels()) {
    const Peaks peaks = choose_peaks(kernels->name);
    for (const Edge edge : {Edge::begin, Edge::end}) {
      const GuardedMemory memory(64 * 12, edge);
      peaks.read(memory.data(), 12);
    }
  }
}

}  // namespace
}  // namespace tramontane::testing
