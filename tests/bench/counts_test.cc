#include "bench/counts.h"

#include <gtest/gtest.h>

#include "bench/support.h"

namespace tramontane::bench {
namespace {

// The small model by hand. Layer: wq 64 x 64, wk and wv 32 x 64, wo 64 x 64, w1 w2 w3 128 x 64: 36864
// weights; two of them 73728, the output head 96 x 64 = 6144. A weight takes 4 bits and two float16 per 32:
// 0.625 bytes, so 46080 and 3840 bytes. A key with its value: 2 x 32 float16 = 128 bytes per layer. A query
// with a key and its value: 2 heads x 32 x 2 multiply-adds = 256 operations.
class Counts : public ::testing::Test {
 protected:
  BenchModel model_ = testing::small_model();
  KvCacheShape cache_{.n_layers = 2, .n_kv_heads = 1, .head_dim = 32, .dtype = DType::float16};
  CountedModel counted_{model_.args, model_.weights, cache_};
};

TEST_F(Counts, KeysSeenGrowUntilTheWindow) {
  EXPECT_EQ(keys_seen(0, 5, 0), 1 + 2 + 3 + 4 + 5);
  EXPECT_EQ(keys_seen(7, 2, 0), 8 + 9);
  EXPECT_EQ(keys_seen(0, 5, 3), 1 + 2 + 3 + 3 + 3);
  EXPECT_EQ(keys_seen(1, 3, 3), 2 + 3 + 3);
  EXPECT_EQ(keys_seen(9, 2, 3), 3 + 3);
  EXPECT_EQ(keys_seen(0, 4, 1), 4);
  EXPECT_EQ(keys_seen(4, 0, 0), 0);
}

TEST_F(Counts, ADecodeStepReadsTheWeightsOnceAndEverySequencesKeys) {
  // Positions 5 and 6 of 3 sequences: 6 + 7 keys in the first layer, 3 + 3 in the second; 57 in all.
  const Work work = decode_work(counted_, {.depth = 5, .steps = 2, .batch = 3});
  EXPECT_EQ(work.bytes, 2 * (46080 + 3840) + 57 * 128);
  EXPECT_EQ(work.operations, 2.0 * (73728 + 6144) * 2 * 3 + 57 * 256);
}

// The last layer's w1, w2 and w3, 24576 weights or 15360 bytes, are for the row with logits alone, as the
// head is.
TEST_F(Counts, APromptReadsTheLayersOncePerPassAndTheHeadOnce) {
  // 5 tokens in passes of 2, 2 and 1. Keys that a pass reads: 2 + 4 + 5 in the first layer, 2 + 4 + 3 in the
  // second. Keys that queries see: 1 + 2 + 3 + 4 + 5, and 1 + 2 + 3 + 3 + 3.
  const Work work = prompt_work(counted_, 5, 2);
  EXPECT_EQ(work.bytes, 3 * (46080 - 15360) + 15360 + 3840 + 20 * 128);
  EXPECT_EQ(work.operations, 2.0 * ((73728 - 24576) * 5 + 24576 + 6144) + 27 * 256);
}

TEST_F(Counts, APromptInOnePassReadsEverythingOnce) {
  const Work work = prompt_work(counted_, 5, 512);
  EXPECT_EQ(work.bytes, 46080 + 3840 + 10 * 128);
  EXPECT_EQ(work.operations, prompt_work(counted_, 5, 2).operations);
}

}  // namespace
}  // namespace tramontane::bench
