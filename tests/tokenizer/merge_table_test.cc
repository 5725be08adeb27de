#include "tokenizer/merge_table.h"

#include <gtest/gtest.h>

namespace tramontane {
namespace {

TEST(MergeTable, FindsEachPairAndNoOther) {
  MergeTable table;
  EXPECT_FALSE(table.find(0, 0));
  constexpr TokenId kSize = 100;
  for (TokenId left = 0; left < kSize; left++) {
    for (TokenId right = 0; right < kSize; right += 2) {
      table.set(left, right, {static_cast<std::uint32_t>(left), left + right});
    }
  }
  for (TokenId left = 0; left < kSize; left++) {
    for (TokenId right = 0; right < kSize; right++) {
      const auto merge = table.find(left, right);
      ASSERT_EQ(merge.has_value(), right % 2 == 0);
      if (merge) EXPECT_EQ(merge->merged, left + right);
    }
  }
}

TEST(MergeTable, ForgetsWhatItKnewOfAPair) {
  MergeTable table;
  table.set(1, 2, {3, 4});
  table.set(1, 2, {5, 6});
  const auto merge = table.find(1, 2).value_or(Merge<TokenId>{0, 0});
  EXPECT_EQ(merge.rank, 5U);
  EXPECT_EQ(merge.merged, 6);
}

}  // namespace
}  // namespace tramontane
