// Properties of the forward pass over random shapes, formats, windows and ways to cut the same tokens up.
#include "model/mistral.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <optional>

#include "support/compare.h"
#include "support/error_of.h"
#include "support/random_model.h"
#include "support/reference_model.h"
#include "support/test_backend.h"

namespace tramontane {
namespace {

using testing::close;
using testing::Dice;
using testing::error_of;
using testing::random_options;
using testing::RandomModel;
using testing::reference_logits;
using testing::TestBackend;

using Logits = std::vector<float>;

struct Runner {
  TestBackend backend;
  Mistral mistral;
  KvCache cache;

  Runner(const RandomModel& model, DType kv_dtype, std::int64_t block_tokens, int threads = 2,
         int activation_bits = 16)
      : backend(threads, activation_bits),
        mistral(model.args, model.weights, backend),
        cache(model.cache_shape(kv_dtype, block_tokens)) {}

  Logits step(SequenceId sequence, std::span<const TokenId> ids) {
    Batch batch;
    batch.add(sequence, cache.length(sequence), ids, Batch::Logits::all);
    const Rows rows = mistral.forward(batch, cache);
    return {rows.data, rows.data + rows.size()};
  }
  Logits whole(std::span<const TokenId> ids) { return step(cache.create(), ids); }
  Logits in_chunks(std::span<const TokenId> ids, Dice& dice, int longest) {
    const SequenceId sequence = cache.create();
    Logits all;
    while (!ids.empty()) {
      const auto n = std::min(ids.size(), static_cast<std::size_t>(dice.roll(1, longest)));
      const Logits some = step(sequence, ids.first(n));
      all.insert(all.end(), some.begin(), some.end());
      ids = ids.subspan(n);
    }
    return all;
  }
};

class RandomShapes : public ::testing::TestWithParam<unsigned> {
 protected:
  RandomModel model_{random_options(GetParam())};
  Dice dice_{GetParam() + 1000};
  std::vector<TokenId> ids_ = dice_.tokens(dice_.roll(20, 90), model_.args.vocab_size);
};

// Products and sums in float32 over at most 3 layers: a few hundred roundings of 6e-8, uncorrelated.
TEST_P(RandomShapes, Float32CacheGivesTheDefinition) {
  const auto expected = reference_logits(model_.args, model_.weights, ids_);
  EXPECT_TRUE(close(Runner(model_, DType::float32, 64, 2, 32).whole(ids_), expected, {.relative_l2 = 5e-6}));
}

// At most 5e-5 for each product, and at most 3 layers of 7 of them before the output head, uncorrelated.
TEST_P(RandomShapes, SixteenBitActivationsStayClose) {
  const auto expected = reference_logits(model_.args, model_.weights, ids_);
  EXPECT_TRUE(
      close(Runner(model_, DType::float32, 64, 2, 16).whole(ids_), expected, {.relative_l2 = 2.4e-4}));
}

// Keys and values are rounded to 11 bits: 2^-12 rms each, carried through at most 3 layers.
TEST_P(RandomShapes, Float16CacheStaysClose) {
  const auto expected = reference_logits(model_.args, model_.weights, ids_);
  EXPECT_TRUE(close(Runner(model_, DType::float16, 64).whole(ids_), expected, {.relative_l2 = 1e-3}));
}

// Within a block of head_dim elements the greatest becomes 127: an element of a normal vector is off by 1/127
// / sqrt(12) of about 2.5 deviations, 6e-3, rms; carried through at most 3 layers as the bound for float16 is
// (4 times).
TEST_P(RandomShapes, Int8CacheStaysWithinItsRounding) {
  const auto expected = reference_logits(model_.args, model_.weights, ids_);
  EXPECT_TRUE(close(Runner(model_, DType::int8, 64).whole(ids_), expected, {.relative_l2 = 2.5e-2}));
}

TEST_P(RandomShapes, ChunkedIsWholeBitForBit) {
  for (const DType dtype : {DType::float32, DType::float16, DType::int8}) {
    Runner runner(model_, dtype, 16);
    const Logits whole = runner.whole(ids_);
    EXPECT_EQ(runner.in_chunks(ids_, dice_, 1), whole);
    EXPECT_EQ(runner.in_chunks(ids_, dice_, 7), whole);
    EXPECT_EQ(runner.in_chunks(ids_, dice_, 40), whole);
  }
}

TEST_P(RandomShapes, PagedIsContiguous) {
  const Logits contiguous = Runner(model_, DType::float32, 128).whole(ids_);
  for (const std::int64_t block_tokens : {1, 3, 16, 64}) {
    const Logits paged = Runner(model_, DType::float32, block_tokens).in_chunks(ids_, dice_, 30);
    EXPECT_TRUE(close(paged, contiguous, {.relative_l2 = 1e-5})) << block_tokens;
  }
}

TEST_P(RandomShapes, BatchedIsAloneBitForBit) {
  const auto other = dice_.tokens(37, model_.args.vocab_size);
  Runner alone(model_, DType::float16, 16);
  const SequenceId a = alone.cache.create(), b = alone.cache.create();
  alone.step(a, std::span(ids_).first(10));
  const Logits expected_a = alone.step(a, std::span(ids_).subspan(10, 1));
  const Logits expected_b = alone.step(b, other);

  Runner together(model_, DType::float16, 16);
  const SequenceId c = together.cache.create(), d = together.cache.create();
  together.step(c, std::span(ids_).first(10));
  Batch batch;  // a decode step of one sequence beside the prompt of another
  batch.add(c, 10, std::span(ids_).subspan(10, 1), Batch::Logits::last);
  batch.add(d, 0, other, Batch::Logits::all);
  const Rows rows = together.mistral.forward(batch, together.cache);
  Logits expected = expected_a;
  expected.insert(expected.end(), expected_b.begin(), expected_b.end());
  EXPECT_EQ(Logits(rows.data, rows.data + rows.size()), expected);
}

TEST_P(RandomShapes, AnyNumberOfThreadsGivesTheSameBits) {
  const Logits one = Runner(model_, DType::float16, 64, 1).whole(ids_);
  EXPECT_EQ(Runner(model_, DType::float16, 64, 2).whole(ids_), one);
  EXPECT_EQ(Runner(model_, DType::float16, 64, 5).whole(ids_), one);
}

TEST_P(RandomShapes, AWindowThatHoldsAllIsNoWindow) {
  auto& window = model_.args.sliding_window;
  window.assign(window.size(), 0);
  const Logits full = Runner(model_, DType::float32, 16).whole(ids_);
  window.assign(window.size(), static_cast<int>(ids_.size()));
  EXPECT_EQ(Runner(model_, DType::float32, 16).whole(ids_), full);
}

TEST_P(RandomShapes, AForkContinuesLikeItsParent) {
  for (const DType dtype : {DType::float16, DType::int8}) {
    Runner runner(model_, dtype, 16);
    const std::size_t shared = ids_.size() / 2;
    const SequenceId parent = runner.cache.create();
    runner.step(parent, std::span(ids_).first(shared));
    const SequenceId child = runner.cache.fork(parent);
    const Logits of_child = runner.step(child, std::span(ids_).subspan(shared));
    runner.cache.release(child);
    EXPECT_EQ(runner.step(parent, std::span(ids_).subspan(shared)), of_child);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomShapes, ::testing::Range(0U, 24U));

// What a chat does with the cache of the turns before.
TEST_P(RandomShapes, AShortenedForkContinuesLikeAFreshSequenceBitForBit) {
  for (const DType dtype : {DType::float16, DType::float32, DType::int8}) {
    Runner runner(model_, dtype, dice_.pick({1, 3, 16, 64}));
    KvCache& cache = runner.cache;
    const SequenceId parent = cache.create();
    runner.step(parent, ids_);
    const int window = longest_window(model_.args);
    auto kept = static_cast<std::size_t>(dice_.roll(1, static_cast<int>(ids_.size()) - 1));
    // The first new position must see all of its window.
    const auto seen = [&] { return std::max<std::int64_t>(0, static_cast<std::int64_t>(kept) - window + 1); };
    while (window != 0 && seen() < cache.oldest(parent)) kept++;
    const SequenceId child = cache.fork(parent);
    cache.truncate(child, static_cast<std::int64_t>(kept));

    const auto more = dice_.tokens(dice_.roll(1, 40), model_.args.vocab_size);
    const auto expected = [&](std::size_t begin) {
      std::vector<TokenId> all(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(begin));
      all.insert(all.end(), more.begin(), more.end());
      const Logits logits = runner.whole(all);
      const auto rows = static_cast<std::ptrdiff_t>(more.size()) * model_.args.vocab_size;
      return Logits(logits.end() - rows, logits.end());
    };
    EXPECT_EQ(runner.step(child, more), expected(kept)) << "window " << window << ", kept " << kept;
    EXPECT_EQ(runner.step(parent, more), expected(ids_.size())) << "the parent is as it was";
  }
}

TEST(SlidingWindow, LayersMayDifferAndTheCacheKeepsWhatTheLongestSees) {
  auto options = random_options(3);
  options.args.n_layers = 3;
  options.args.sliding_window = {5, 20, 5};
  RandomModel model(options);
  Dice dice(1);
  const auto ids = dice.tokens(150, model.args.vocab_size);
  Runner runner(model, DType::float32, 16, 2, 32);
  EXPECT_TRUE(close(runner.in_chunks(ids, dice, 9), reference_logits(model.args, model.weights, ids),
                    {.relative_l2 = 5e-6}));
  EXPECT_LE(runner.cache.blocks_in_use(), 3U);  // 20 tokens touch at most 3 blocks of 16

  model.args.sliding_window = {5, 0, 5};  // one layer that sees everything keeps everything
  Runner keeping(model, DType::float32, 16, 2, 32);
  EXPECT_TRUE(close(keeping.in_chunks(ids, dice, 9), reference_logits(model.args, model.weights, ids),
                    {.relative_l2 = 5e-6}));
  EXPECT_EQ(keeping.cache.blocks_in_use(), 10U);
}

// Beyond a piece of the context decode steps are shared out by pieces, prompts are not.
TEST(LongContext, DecodeStepsEqualThePromptBitForBit) {
  auto options = random_options(3);
  options.args.n_layers = 2;
  options.args.n_heads = 8;  // enough work for a step to be shared out
  options.args.n_kv_heads = 2;
  options.args.head_dim = 64;
  for (const int window : {0, 1500}) {
    options.args.sliding_window = {window, window};
    RandomModel model(options);
    Dice dice(2);
    const auto ids = dice.tokens(2 * kContextPiece + 10, model.args.vocab_size);
    const std::span<const TokenId> prompt = std::span(ids).first(ids.size() - 10);
    for (const DType dtype : {DType::float16, DType::int8}) {
      const Logits whole = Runner(model, dtype, 64, 1).whole(ids);
      for (const int threads : {1, 3}) {
        Runner runner(model, dtype, 64, threads);
        const SequenceId sequence = runner.cache.create();
        Logits got = runner.step(sequence, prompt);
        for (const TokenId& id : std::span(ids).subspan(prompt.size())) {
          const Logits step = runner.step(sequence, {&id, 1});
          got.insert(got.end(), step.begin(), step.end());
        }
        EXPECT_EQ(got, whole) << threads << " threads, window " << window;
      }
    }
  }
}

// Where the rope's ramp has an end of its own: each is compared with the definition.
void expect_the_definition(const YarnScaling& yarn, double theta,
                           const std::optional<QueryTemperature>& temperature) {
  auto options = random_options(5);
  options.quant.reset();
  options.args.head_dim = 16;
  RandomModel model(options);
  model.args.rope_theta = theta;
  model.args.yarn = yarn;
  model.args.query_temperature = temperature;
  const auto ids = Dice(2).tokens(70, model.args.vocab_size);
  EXPECT_TRUE(close(Runner(model, DType::float32, 16).whole(ids),
                    reference_logits(model.args, model.weights, ids), {.relative_l2 = 5e-6}));
}

// 16 ln(4096 / (2 pi)) / (2 ln 10) = 22.5: past the last index, 15, where the ramp then ends; the 8 pairs are
// all inside the ramp, which starts at floor(16 ln(4096 / (32 * 2 pi)) / (2 ln 10)) = 10 for beta_fast 32,
// and at 3 for 256.
TEST(Yarn, TheUpperEndOfTheRampIsTheLastIndexOfAHead) {
  expect_the_definition({.factor = 8, .original_max_position = 4096, .beta_fast = 256}, 10, {});
}

// 6 tokens are less than one turn of the fastest pair: both ends are 0.
TEST(Yarn, ARampWithoutLengthIsAStep) {
  expect_the_definition({.factor = 8, .original_max_position = 6}, 1e4, {});
}

TEST(Yarn, GoesWithAQueryTemperature) {
  expect_the_definition({.factor = 8, .original_max_position = 16, .attention_factor = 1.2}, 1e4,
                        QueryTemperature{0.5, 16});
}

TEST(Mistral, AnInterruptStopsTheForwardPassBetweenLayers) {
  auto options = random_options(1);
  options.args.n_layers = 3;
  options.args.sliding_window.assign(3, 0);
  const RandomModel model(options);
  Runner runner(model, DType::float32, 16);
  const auto forward = [&] {
    Batch batch;
    batch.add(runner.cache.create(), 0, std::vector<TokenId>{1, 2, 3}, Batch::Logits::last);
    return runner.mistral.forward(batch, runner.cache, &runner.backend.interrupt).data;
  };
  runner.backend.interrupt_after = 2;
  EXPECT_EQ(forward(), nullptr);
  EXPECT_EQ(runner.backend.attended_layers, 2);
  EXPECT_EQ(forward(), nullptr);  // the flag is still set
  EXPECT_EQ(runner.backend.attended_layers, 2);
  runner.backend.interrupt = false;
  EXPECT_NE(forward(), nullptr);
}

TEST(Mistral, ABatchThatMemoryHasNoRoomForLeavesTheModelFitForSmallerOnes) {
  const RandomModel model(random_options(2));
  const auto ids = Dice(3).tokens(300, model.args.vocab_size);
  const auto few = std::span(ids).first(5);
  const Logits expected = Runner(model, DType::float32, 16).whole(few);
  Runner runner(model, DType::float32, 16);
  EXPECT_EQ(runner.whole(few), expected);
  runner.backend.most_bytes = 10000;
  EXPECT_EQ(error_of([&] { runner.whole(ids); }).substr(0, 17), "not enough memory");
  runner.backend.most_bytes = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(runner.whole(few), expected);
  EXPECT_EQ(runner.whole(ids), Runner(model, DType::float32, 16).whole(ids));
}

}  // namespace
}  // namespace tramontane
