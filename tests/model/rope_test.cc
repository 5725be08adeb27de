#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tramontane {
namespace {

ModelArgs args_with_heads_of(int head_dim) {
  ModelArgs args;
  args.head_dim = head_dim;
  return args;
}

Batch batch_at(std::int64_t position) {
  Batch batch;
  batch.add(0, position, std::vector<TokenId>{0}, Batch::Logits::none);
  return batch;
}

TEST(Rope, FrequenciesFallGeometricallyFromOne) {
  const Rope rope(args_with_heads_of(8));
  const std::vector<double> expected = {1, 0.1, 0.01, 0.001};  // 10000^(-2i/8)
  ASSERT_EQ(rope.frequencies().size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); i++) EXPECT_NEAR(rope.frequencies()[i], expected[i], 1e-15);
}

TEST(Rope, AnglesStayExactFarFromTheStart) {
  Rotations rotations;
  Rope(args_with_heads_of(8)).rotations(batch_at(131071), rotations);
  EXPECT_FLOAT_EQ(rotations.cos[0], static_cast<float>(std::cos(131071.0)));
  EXPECT_FLOAT_EQ(rotations.sin[1], static_cast<float>(std::sin(13107.1)));
}

TEST(Rope, RowsOfSeveralSequencesCarryTheirOwnPositions) {
  Batch batch;
  batch.add(0, 5, std::vector<TokenId>{1, 2}, Batch::Logits::none);
  batch.add(1, 0, std::vector<TokenId>{3}, Batch::Logits::none);
  Rotations rotations;
  Rope(args_with_heads_of(2)).rotations(batch, rotations);
  ASSERT_EQ(rotations.sin.size(), 3U);
  EXPECT_FLOAT_EQ(rotations.sin[0], static_cast<float>(std::sin(5.0)));
  EXPECT_FLOAT_EQ(rotations.sin[1], static_cast<float>(std::sin(6.0)));
  EXPECT_FLOAT_EQ(rotations.sin[2], 0.0F);
}

// Peng et al. 2023: with head_dim 128, theta 1e4, 4096 original tokens and betas 32 and 1, pairs below
// floor(128 ln(4096 / (32 * 2 pi)) / (2 ln 1e4)) = 20 keep their frequency, and pairs from
// ceil(128 ln(4096 / (2 pi)) / (2 ln 1e4)) = 46 on are slowed by the whole factor.
TEST(Rope, YarnKeepsFastPairsAndSlowsSlowOnes) {
  ModelArgs args = args_with_heads_of(128);
  const Rope plain(args);
  args.yarn = YarnScaling{
      .factor = 16, .original_max_position = 4096, .beta_fast = 32, .beta_slow = 1, .attention_factor = 2};
  const Rope yarn(args);
  EXPECT_DOUBLE_EQ(yarn.frequencies()[0], plain.frequencies()[0]);
  EXPECT_DOUBLE_EQ(yarn.frequencies()[20], plain.frequencies()[20]);
  EXPECT_LT(yarn.frequencies()[21], plain.frequencies()[21]);
  EXPECT_GT(yarn.frequencies()[45], plain.frequencies()[45] / 16);
  EXPECT_DOUBLE_EQ(yarn.frequencies()[46], plain.frequencies()[46] / 16);
  EXPECT_DOUBLE_EQ(yarn.frequencies()[63], plain.frequencies()[63] / 16);

  Rotations rotations;
  yarn.rotations(batch_at(0), rotations);
  EXPECT_FLOAT_EQ(rotations.cos[0], 2.0F);  // the attention factor
  EXPECT_TRUE(rotations.q_cos.empty());
}

TEST(Rope, QueryTemperatureGrowsWithTheLogarithmOfThePosition) {
  ModelArgs args = args_with_heads_of(2);
  args.query_temperature = QueryTemperature{.beta = 0.1, .original_max_position = 100};
  const Rope rope(args);
  Rotations rotations;
  rope.rotations(batch_at(99), rotations);
  EXPECT_EQ(rotations.q_cos, rotations.cos);
  rope.rotations(batch_at(250), rotations);
  EXPECT_FLOAT_EQ(rotations.q_cos[0], static_cast<float>((1 + 0.1 * std::log(3.0)) * std::cos(250.0)));
  EXPECT_FLOAT_EQ(rotations.cos[0], static_cast<float>(std::cos(250.0)));
}

}  // namespace
}  // namespace tramontane
