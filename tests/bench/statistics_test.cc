#include "bench/statistics.h"

#include <gtest/gtest.h>

namespace tramontane::bench {
namespace {

TEST(Statistics, TheMedianIsTheMiddleOrTheMeanOfTwo) {
  EXPECT_EQ(median({7}), 7);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({8, 1, 2, 4}), 3);
}

TEST(Statistics, TheSpreadIsTheRangeOverTheMedian) {
  EXPECT_EQ(spread({7}), 0);
  EXPECT_EQ(spread({10, 8, 11, 30, 10}), 2.2);
}

}  // namespace
}  // namespace tramontane::bench
