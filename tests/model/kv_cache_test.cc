#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tramontane/error.h"

namespace tramontane {
namespace {

KvCacheShape small_shape() {
  return {.n_layers = 2, .n_kv_heads = 1, .head_dim = 4, .dtype = DType::float32, .block_tokens = 16};
}

// Marks the block that holds `position` and tells its mark.
std::byte& mark(KvCache& cache, SequenceId id, std::int64_t position) {
  const KvView view = cache.view(id, 0);
  return view.blocks[static_cast<std::size_t>(position / view.block_tokens)][0];
}

TEST(KvCache, ASequenceTakesOnlyTheBlocksItNeeds) {
  KvCache cache(small_shape());
  const SequenceId id = cache.create();
  EXPECT_EQ(cache.blocks_in_use(), 0U);
  cache.extend(id, 1);
  EXPECT_EQ(cache.blocks_in_use(), 1U);
  cache.extend(id, 15);
  EXPECT_EQ(cache.blocks_in_use(), 1U);
  cache.extend(id, 1);
  EXPECT_EQ(cache.blocks_in_use(), 2U);
  EXPECT_EQ(cache.length(id), 17);
}

TEST(KvCache, ReleasedBlocksAreReused) {
  KvCache cache(small_shape());
  for (int round = 0; round < 10; round++) {
    const SequenceId id = cache.create();
    cache.extend(id, 40);
    EXPECT_EQ(cache.blocks_in_use(), 3U);
    cache.release(id);
    EXPECT_EQ(cache.blocks_in_use(), 0U);
  }
  EXPECT_EQ(cache.allocated_bytes(), 3 * cache.shape().block_bytes());
}

TEST(KvCache, LayersKeysAndValuesDoNotOverlap) {
  KvCache cache(small_shape());
  const SequenceId id = cache.create();
  cache.extend(id, 1);
  const std::size_t part = cache.shape().block_bytes() / 4;
  EXPECT_EQ(cache.view(id, 0).key_offset, 0U);
  EXPECT_EQ(cache.view(id, 0).value_offset, part);
  EXPECT_EQ(cache.view(id, 1).key_offset, 2 * part);
  EXPECT_EQ(cache.view(id, 1).value_offset, 3 * part);
}

TEST(KvCache, ScalesOfInt8FollowTheirLayersValues) {
  KvCacheShape shape = small_shape();
  shape.dtype = DType::int8;
  KvCache cache(shape);
  const SequenceId id = cache.create();
  cache.extend(id, 1);
  EXPECT_EQ(shape.bytes_per_token(), 2U * 2 * (4 + sizeof(float)));
  const std::size_t elements = 16 * 4;
  const std::size_t layer = 2 * elements + 2 * 16 * sizeof(float);
  for (int i = 0; i < 2; i++) {
    const KvView view = cache.view(id, i);
    EXPECT_EQ(view.key_offset, static_cast<std::size_t>(i) * layer);
    EXPECT_EQ(view.value_offset, view.key_offset + elements);
    EXPECT_EQ(view.key_scale_offset, view.key_offset + 2 * elements);
    EXPECT_EQ(view.value_scale_offset, view.key_scale_offset + 16 * sizeof(float));
  }
  EXPECT_EQ(shape.block_bytes(), 2 * layer);
}

TEST(KvCache, BlocksThatLeftTheWindowAreGivenBack) {
  KvCache cache(small_shape());
  const SequenceId id = cache.create();
  cache.extend(id, 100);
  EXPECT_EQ(cache.blocks_in_use(), 7U);
  cache.drop_before(id, 47);  // positions 0..46 are dead: blocks 0 and 1 wholly, block 2 (32..47) not
  EXPECT_EQ(cache.blocks_in_use(), 5U);
  EXPECT_EQ(cache.view(id, 0).blocks[1], nullptr);
  EXPECT_NE(cache.view(id, 0).blocks[2], nullptr);
  cache.drop_before(id, 48);
  EXPECT_EQ(cache.blocks_in_use(), 4U);
  cache.release(id);
  EXPECT_EQ(cache.blocks_in_use(), 0U);
}

TEST(KvCache, ATruncatedSequenceGivesBackWhatItForgets) {
  KvCache cache(small_shape());
  const auto sequence = cache.create();
  const std::int64_t block = cache.shape().block_tokens;
  cache.extend(sequence, 5 * block);
  cache.truncate(sequence, block + 1);
  EXPECT_EQ(cache.length(sequence), block + 1);
  EXPECT_EQ(cache.blocks_in_use(), 2U);
  cache.truncate(sequence, block);
  EXPECT_EQ(cache.blocks_in_use(), 1U);
  cache.extend(sequence, 1);
  EXPECT_EQ(cache.view(sequence, 0).blocks.size(), 2U);
}

TEST(KvCache, ForksShareBlocksUntilOneOfThemWrites) {
  KvCache cache(small_shape());
  const SequenceId parent = cache.create();
  cache.extend(parent, 20);
  mark(cache, parent, 0) = std::byte{1};
  mark(cache, parent, 16) = std::byte{2};
  const SequenceId child = cache.fork(parent);
  EXPECT_EQ(cache.blocks_in_use(), 2U);

  cache.extend(child, 1);  // into the shared, half-full block: copied
  EXPECT_EQ(cache.blocks_in_use(), 3U);
  EXPECT_EQ(&mark(cache, child, 0), &mark(cache, parent, 0));
  EXPECT_NE(&mark(cache, child, 16), &mark(cache, parent, 16));
  EXPECT_EQ(mark(cache, child, 16), std::byte{2});

  cache.extend(parent, 1);  // now its own
  EXPECT_EQ(cache.blocks_in_use(), 3U);
  cache.release(parent);
  EXPECT_EQ(cache.blocks_in_use(), 2U);
  EXPECT_EQ(mark(cache, child, 0), std::byte{1});
}

TEST(KvCache, AForkAtABlockBoundaryCopiesNothing) {
  KvCache cache(small_shape());
  const SequenceId parent = cache.create();
  cache.extend(parent, 32);
  const SequenceId child = cache.fork(parent);
  cache.extend(child, 1);
  cache.extend(parent, 1);
  EXPECT_EQ(cache.blocks_in_use(), 4U);
  EXPECT_EQ(&mark(cache, child, 16), &mark(cache, parent, 16));
}

TEST(KvCache, WhenMemoryRunsOutTheSequenceIsAsItWas) {
  int left = 2;
  KvCache cache(small_shape(), [&](std::size_t bytes) {
    if (left-- == 0) throw Error("not enough memory");
    return allocate_host(bytes);
  });
  const SequenceId id = cache.create();
  cache.extend(id, 10);
  EXPECT_THROW(cache.extend(id, 100), Error);
  EXPECT_EQ(cache.length(id), 10);
  EXPECT_EQ(cache.blocks_in_use(), 1U);
  cache.extend(id, 20);
  EXPECT_EQ(cache.blocks_in_use(), 2U);
}

}  // namespace
}  // namespace tramontane
