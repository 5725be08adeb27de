#include "bench/machine.h"

#include <gtest/gtest.h>

#include "kernels/kernels.h"

namespace tramontane::bench {
namespace {

TEST(MachineProbe, MeasuresWhatIsPossible) {
  const MachineLimits limits = MachineProbe(choose_peaks(choose_kernels().name), 2).measure();
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
