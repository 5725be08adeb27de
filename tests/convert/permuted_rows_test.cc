#include "convert/permuted_rows.h"

#include "convert/support.h"

namespace tramontane {
namespace {

using testing::all_values;
using testing::CountingRows;

/// Which rows of the source stand where, of two heads of six.
std::vector<int> order_of(const RowSource& rows) {
  std::vector<int> order;
  for (const float value : all_values(rows)) order.push_back(static_cast<int>(value));
  return order;
}

TEST(PermutedRowsTest, HalvesOfAHeadAreInterleaved) {
  const CountingRows source(12, 1);
  const auto rows = permuted_rows(source, 6, RopeLayout::interleaved);
  EXPECT_EQ(order_of(*rows), (std::vector{0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11}));
}

TEST(PermutedRowsTest, PairsOfAHeadAreParted) {
  const CountingRows source(12, 1);
  const auto rows = permuted_rows(source, 6, RopeLayout::half_split);
  EXPECT_EQ(order_of(*rows), (std::vector{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}));
}

TEST(PermutedRowsTest, ThereAndBackIsTheSame) {
  const CountingRows source(32, 3);
  const auto there = permuted_rows(source, 16, RopeLayout::interleaved);
  const auto back = permuted_rows(*there, 16, RopeLayout::half_split);
  EXPECT_EQ(all_values(*back), all_values(source));
  std::vector<float> some(6);
  back->read(17, 19, some.data());
  EXPECT_EQ(some, (std::vector<float>{51, 52, 53, 54, 55, 56}));
}

}  // namespace
}  // namespace tramontane
