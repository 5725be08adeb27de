#include "tramontane/sampler.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "sampler/categorical.h"
#include "tramontane/error.h"

namespace tramontane {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TokenId sample_once(const SamplerOptions& options, const std::vector<float>& logits,
                    const std::vector<TokenId>& tokens = {}, DType dtype = DType::float32) {
  return Sampler(options, dtype, static_cast<int>(logits.size())).sample(logits, tokens);
}

/// The message that constructing a sampler of 10 tokens with these options ends in.
std::string refusal(const std::function<void(SamplerOptions&)>& change, DType dtype = DType::float16) {
  SamplerOptions options;
  change(options);
  try {
    Sampler(options, dtype, 10);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Sampler, TakesTheFirstOfTheLargestAtTemperatureZero) {
  EXPECT_EQ(sample_once({}, {1, 5, 5, 2}), 1);
  EXPECT_EQ(sample_once({}, {-7}), 0);
}

TEST(Sampler, ComparesLogitsAsTheCheckpointsDtypeHoldsThem) {
  const std::vector<float> logits = {1.0f, 1.0f + 0x1p-12f, 1.0f + 0x1p-9f, 1.0f + 0x1.8p-9f};
  EXPECT_EQ(sample_once({}, logits, {}, DType::float32), 3);
  EXPECT_EQ(sample_once({}, logits, {}, DType::float16), 3);
  EXPECT_EQ(sample_once({}, logits, {}, DType::bfloat16), 0);
}

TEST(Sampler, RefusesLogitsThatAreNotNumbers) {
  for (const double temperature : {0.0, 1.0}) {
    SamplerOptions options;
    options.temperature = temperature;
    EXPECT_THROW(sample_once(options, {0, static_cast<float>(nan), 1}), Error);
  }
}

TEST(Sampler, RefusesARowOfTheWrongSize) {
  Sampler sampler({}, DType::float32, 3);
  EXPECT_THROW(sampler.sample(std::vector<float>{1, 2}, {}), Error);
}

TEST(Sampler, RefusesWhenEveryTokenIsBanned) {
  SamplerOptions options;
  options.logit_bias = {{0, -infinity}, {1, -infinity}};
  EXPECT_THROW(sample_once(options, {1, 2}), Error);
  options.logit_bias.pop_back();
  EXPECT_EQ(sample_once(options, {2, 1}), 1);
}

TEST(Sampler, RefusesAContextTokenOutsideTheVocabulary) {
  SamplerOptions options;
  options.repetition_penalty = 1.2;
  EXPECT_THROW(sample_once(options, {1, 2}, {2}), Error);
  EXPECT_THROW(sample_once(options, {1, 2}, {-1}), Error);
}

TEST(Sampler, PenalisesOnlyTheContext) {
  SamplerOptions options;
  options.presence_penalty = 5;
  options.presence_context_size = 2;
  EXPECT_EQ(sample_once(options, {4, 3, 2}, {0, 1, 1}), 0);
  options.presence_context_size = 3;
  EXPECT_EQ(sample_once(options, {4, 3, 2}, {0, 1, 1}), 2);
  options.presence_context_size = 0;
  EXPECT_EQ(sample_once(options, {4, 3, 2}, {0, 1, 1}), 2);
}

TEST(Sampler, SwitchesAnOptionOffWhereItsNeutralValueSaysSo) {
  SamplerOptions plain;
  plain.temperature = 1.3;
  plain.seed = 11;
  SamplerOptions neutral = plain;
  neutral.top_p = 1;
  neutral.repetition_penalty = 1;
  Sampler a(plain, DType::float16, 97);
  Sampler b(neutral, DType::float16, 97);
  std::vector<float> logits(97);
  for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i * i % 31) / 7;
  for (int draw = 0; draw < 100; ++draw) EXPECT_EQ(a.sample(logits, {}), b.sample(logits, {}));
}

TEST(Sampler, DrawsInProportionToTheProbabilities) {
  SamplerOptions options;
  options.temperature = 1;
  Sampler sampler(options, DType::float32, 3);
  // ln 1, ln 2, ln 5: probabilities 1/8, 2/8, 5/8. The bounds are 5 standard deviations of 8000 draws.
  const std::vector<float> logits = {0, 0.6931472f, 1.6094379f};
  std::vector<int> count(3);
  for (int draw = 0; draw < 8000; ++draw) ++count[static_cast<std::size_t>(sampler.sample(logits, {}))];
  EXPECT_NEAR(count[0], 1000, 150);
  EXPECT_NEAR(count[1], 2000, 195);
  EXPECT_NEAR(count[2], 5000, 220);
}

TEST(Sampler, GoesOnWithItsKeysAfterAMove) {
  SamplerOptions options;
  options.temperature = 1;
  Sampler whole(options, DType::float32, 50);
  Sampler moved(options, DType::float32, 50);
  const std::vector<float> logits(50, 1.0f);
  for (int draw = 0; draw < 10; ++draw) {
    Sampler next = std::move(moved);
    EXPECT_EQ(next.sample(logits, {}), whole.sample(logits, {}));
    moved = std::move(next);
  }
}

TEST(Categorical, IsUniformOverInfiniteLogits) {
  const auto inf = static_cast<float>(infinity);
  std::vector<int> count(4);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<float> logits = {3, inf, -inf, inf};
    ++count[categorical(logits, random::key(seed))];
  }
  EXPECT_EQ(count[0] + count[2], 0);
  EXPECT_GT(count[1], 60);
  EXPECT_GT(count[3], 60);
}

TEST(SamplerOptions, AreRefusedByNameWhenOutOfRange) {
  const std::vector<std::pair<std::string, std::function<void(SamplerOptions&)>>> changes = {
      {"temperature", [](auto& o) { o.temperature = -0.1; }},
      {"temperature", [](auto& o) { o.temperature = nan; }},
      {"temperature", [](auto& o) { o.temperature = infinity; }},
      {"temperature", [](auto& o) { o.temperature = 1e-6; }},  // 1 / 1e-6 is no float16
      {"top_k", [](auto& o) { o.top_k = -1; }},
      {"top_k", [](auto& o) { o.top_k = 10; }},
      {"top_p", [](auto& o) { o.top_p = -0.1; }},
      {"top_p", [](auto& o) { o.top_p = 1.1; }},
      {"top_p", [](auto& o) { o.top_p = nan; }},
      {"min_p", [](auto& o) { o.min_p = 2; }},
      {"min_p", [](auto& o) { o.min_p = nan; }},
      {"min_tokens_to_keep", [](auto& o) { o.min_tokens_to_keep = 0; }},
      {"min_tokens_to_keep", [](auto& o) { o.min_tokens_to_keep = 11; }},
      {"repetition_penalty", [](auto& o) { o.repetition_penalty = -1; }},
      {"repetition_penalty", [](auto& o) { o.repetition_penalty = nan; }},
      {"presence_penalty", [](auto& o) { o.presence_penalty = nan; }},
      {"presence_penalty", [](auto& o) { o.presence_penalty = 1e6; }},  // no float16
      {"frequency_penalty", [](auto& o) { o.frequency_penalty = infinity; }},
      {"repetition_context_size", [](auto& o) { o.repetition_context_size = -1; }},
      {"presence_context_size", [](auto& o) { o.presence_context_size = -1; }},
      {"frequency_context_size", [](auto& o) { o.frequency_context_size = -1; }},
      {"logit_bias", [](auto& o) { o.logit_bias = {{10, 1.0}}; }},
      {"logit_bias", [](auto& o) { o.logit_bias = {{-1, 1.0}}; }},
      {"logit_bias", [](auto& o) { o.logit_bias = {{1, nan}}; }},
      {"logit_bias", [](auto& o) { o.logit_bias = {{1, infinity}}; }},
      {"logit_bias", [](auto& o) { o.logit_bias = {{1, 1.0}, {2, 1.0}, {1, 3.0}}; }},
  };
  for (const auto& [option, change] : changes)
    EXPECT_EQ(refusal(change).rfind(option + ":", 0), 0U) << refusal(change);
  EXPECT_EQ(refusal([](auto&) {}), "accepted");
  EXPECT_EQ(refusal([](auto&) {}, DType::uint32).rfind("logits_dtype:", 0), 0U);
  EXPECT_THROW(Sampler({}, DType::float32, 0), Error);
}

}  // namespace
}  // namespace tramontane
