#include "tokenizer/merge_table.h"

#include <gtest/gtest.h>

#include "tokenizer/byte_hash.h"
#include "tramontane/error.h"

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

TEST(MergeTable, RefusesPairsThatWereMadeToCollide) {
  const auto add_those_of_one_slot = [] {
    MergeTable table;
    for (TokenId left = 0; left < 4096; left++) {
      for (TokenId right = 0; right < 4096; right++) {
        const auto key = static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint64_t>(right);
        if ((mix_bits(key) & 0xfff) == 0) table.set(left, right, {0, 0});
      }
    }
  };
  EXPECT_THROW(add_those_of_one_slot(), Error);
}

}  // namespace
}  // namespace tramontane
