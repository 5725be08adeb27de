#include "tramontane/perplexity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "support/error_of.h"
#include "tramontane/error.h"

namespace tramontane {
namespace {

const char* const kStories = TEST_DATA "/stories260k";
const char* const kText =
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, "
    "she saw a "
    "big, red ball. She wanted to play with it, but it was too high. Lily's mom said, \"Lily, let's go to "
    "the park.\"";

/// -log p(ids[i] | the ids before it) for every i > 0, from whole logits.
std::vector<double> nats_of(Model& model, const std::vector<TokenId>& ids) {
  const std::vector<float> logits = model.logits(ids);
  const auto vocab_size = static_cast<std::size_t>(model.args().vocab_size);
  std::vector<double> nats;
  for (std::size_t i = 0; i + 1 < ids.size(); i++) {
    const float* row = &logits[i * vocab_size];
    double sum = 0;
    for (std::size_t t = 0; t < vocab_size; t++) sum += std::exp(static_cast<double>(row[t]));
    nats.push_back(std::log(sum) - row[static_cast<std::size_t>(ids[i + 1])]);
  }
  return nats;
}

TEST(Perplexity, OfOneWindowIsTheMeanOfTheLogits) {
  Model model = load_model(kStories);
  const auto ids = model.tokenizer().encode(kText);
  const auto nats = nats_of(model, ids);
  double sum = 0;
  double squared = 0;
  for (const double n : nats) {
    sum += n;
    squared += n * n;
  }
  const auto count = static_cast<double>(nats.size());
  const double mean = sum / count;

  const auto result = perplexity(model, ids, {.window = 512, .stride = 256});
  EXPECT_EQ(result.tokens, static_cast<std::int64_t>(ids.size()) - 1);  // BOS is given
  EXPECT_EQ(result.windows, 1);
  EXPECT_NEAR(result.nats, sum, 1e-9 * sum);
  EXPECT_NEAR(result.perplexity(), std::exp(mean), 1e-9 * std::exp(mean));
  EXPECT_NEAR(result.standard_error(), std::sqrt((squared / count - mean * mean) / (count - 1)), 1e-9);
  EXPECT_NEAR(result.bits_per_byte(100), sum / std::log(2) / 100, 1e-9 * sum);
}

TEST(Perplexity, ScoresEveryTokenOnceInTheFirstWindowThatHoldsIt) {
  Model model = load_model(kStories);
  const auto ids = model.tokenizer().encode(kText);
  const std::vector<TokenId> text(ids.begin() + 1, ids.end());
  for (const auto [window, stride] : {std::pair{32, 16}, {17, 1}, {20, 19}, {2, 1}, {33, 7}}) {
    double expected = 0;
    std::size_t scored = 0;
    int windows = 0;
    while (scored < text.size()) {
      const std::size_t step = static_cast<std::size_t>(scored == 0 ? window - 1 : stride);
      const std::size_t end = std::min(text.size(), scored + step);
      const std::size_t begin = end - std::min(end, static_cast<std::size_t>(window - 1));
      std::vector<TokenId> part = {model.tokenizer().bos_id()};
      part.insert(part.end(), text.begin() + static_cast<std::ptrdiff_t>(begin),
                  text.begin() + static_cast<std::ptrdiff_t>(end));
      const auto nats = nats_of(model, part);
      for (std::size_t i = nats.size() - (end - scored); i < nats.size(); i++) expected += nats[i];
      scored = end;
      windows++;
    }
    const auto result = perplexity(model, ids, {.window = window, .stride = stride});
    EXPECT_EQ(result.tokens, static_cast<std::int64_t>(text.size())) << window << ' ' << stride;
    EXPECT_EQ(result.windows, windows) << window << ' ' << stride;
    EXPECT_NEAR(result.nats, expected, 1e-9 * expected) << window << ' ' << stride;
  }
}

TEST(Perplexity, IsTheSameForAnyNumberOfThreads) {
  Model one = load_model(kStories, {.threads = 1});
  Model three = load_model(kStories, {.threads = 3});
  const auto ids = one.tokenizer().encode(kText);
  EXPECT_EQ(perplexity(one, ids, {.window = 24, .stride = 9}).nats,
            perplexity(three, ids, {.window = 24, .stride = 9}).nats);
}

TEST(Perplexity, TellsItsProgressAndCanBeStopped) {
  Model model = load_model(kStories);
  const auto ids = model.tokenizer().encode(kText);
  std::vector<std::int64_t> seen;
  const auto result = perplexity(model, ids, {.window = 16, .stride = 8},
                                 [&](const PerplexityResult& so_far, std::int64_t total) {
                                   EXPECT_EQ(total, static_cast<std::int64_t>(ids.size()) - 1);
                                   seen.push_back(so_far.tokens);
                                   return seen.size() < 3;
                                 });
  EXPECT_EQ(seen, (std::vector<std::int64_t>{15, 23, 31}));
  EXPECT_EQ(result.tokens, 31);
  EXPECT_EQ(result.windows, 3);
}

TEST(Perplexity, MeasuresTheDivergenceFromAReference) {
  Model model = load_model(kStories, {.sliding_window = 4});
  Model reference = load_model(kStories);
  Model same = load_model(kStories, {.sliding_window = 4});
  const auto ids = model.tokenizer().encode(kText);
  const auto vocab_size = static_cast<std::size_t>(model.args().vocab_size);
  const auto p = reference.logits(ids);
  const auto q = model.logits(ids);
  double divergence = 0;
  std::int64_t same_best = 0;
  for (std::size_t i = 0; i + 1 < ids.size(); i++) {
    const std::span<const float> p_row(&p[i * vocab_size], vocab_size);
    const std::span<const float> q_row(&q[i * vocab_size], vocab_size);
    double p_sum = 0;
    double q_sum = 0;
    for (std::size_t t = 0; t < vocab_size; t++) {
      p_sum += std::exp(static_cast<double>(p_row[t]));
      q_sum += std::exp(static_cast<double>(q_row[t]));
    }
    for (std::size_t t = 0; t < vocab_size; t++) {
      const double share = std::exp(static_cast<double>(p_row[t])) / p_sum;
      divergence += share * std::log(share / (std::exp(static_cast<double>(q_row[t])) / q_sum));
    }
    const auto best = [](std::span<const float> row) {
      return std::max_element(row.begin(), row.end()) - row.begin();
    };
    same_best += best(p_row) == best(q_row) ? 1 : 0;
  }
  const auto result = perplexity(model, ids, {.reference = &reference});
  EXPECT_GT(divergence, 0.1);
  EXPECT_NEAR(result.divergence, divergence, 1e-9 * divergence);
  EXPECT_EQ(result.same_best, same_best);
  EXPECT_EQ(result.reference_nats, perplexity(reference, ids).nats);
  const auto nothing = perplexity(model, ids, {.reference = &same});
  EXPECT_EQ(nothing.divergence, 0);
  EXPECT_EQ(nothing.same_best, nothing.tokens);
}

TEST(Perplexity, AnInterruptDropsTheWindowAtHand) {
  Model model = load_model(kStories);
  const auto ids = model.tokenizer().encode(kText);
  std::atomic<bool> interrupt{false};
  const auto result = perplexity(model, ids, {.window = 16, .stride = 8, .interrupt = &interrupt},
                                 [&](const PerplexityResult& so_far, std::int64_t) {
                                   interrupt = so_far.windows == 2;
                                   return true;
                                 });
  EXPECT_EQ(result.windows, 2);
  EXPECT_EQ(result.tokens, 23);
  EXPECT_EQ(result.nats, perplexity(model, std::span(ids).first(24), {.window = 16, .stride = 8}).nats);
}

TEST(Perplexity, RefusesWhatCannotBeScored) {
  Model model = load_model(kStories);
  const auto ids = model.tokenizer().encode(kText);
  const auto error = [&](std::span<const TokenId> text, PerplexityOptions options) {
    return testing::error_of([&] { perplexity(model, text, options); });
  };
  EXPECT_EQ(error(ids, {.window = 1, .stride = 1}), "window: expected at least 2 tokens, found 1");
  EXPECT_EQ(error(ids, {.window = 8, .stride = 0}), "stride: expected at least 1 token, found 0");
  EXPECT_EQ(error(ids, {.window = 8, .stride = 8}),
            "stride: expected fewer tokens than the window of 8, found 8");
  EXPECT_EQ(error(ids, {.reference = &model}), "reference: expected another model, found the same one");
  EXPECT_EQ(error({}, {}), "text: expected at least 1 token(s), found 0");
  EXPECT_EQ(error(std::vector<TokenId>{1}, {}), "text: expected at least 1 token(s), found 0");
  EXPECT_EQ(error(std::vector<TokenId>{1, 512}, {}), "token 1: expected an id in [0, 512), found 512");
}

}  // namespace
}  // namespace tramontane
