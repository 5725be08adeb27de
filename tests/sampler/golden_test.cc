#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sampler/random.h"
#include "tramontane/error.h"
#include "tramontane/sampler.h"

// Golden files of tests/oracle/make_sampler_golden.py, which says how each was made.
namespace tramontane {
namespace {

using Json = nlohmann::json;

Json golden_cases(const std::string& name) {
  std::ifstream file(std::string(TEST_GOLDEN) + "/" + name);
  return Json::parse(file).at("cases");
}

DType dtype_named(const std::string& name) {
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
    if (name == name_of(dtype)) return dtype;
  }
  throw Error("no dtype " + name);
}

/// formula_logits of the script.
std::vector<float> formula_logits(const Json& test, std::uint64_t row) {
  const auto levels = test.at("levels").get<std::uint64_t>();
  const auto scale = test.at("scale").get<double>();
  std::vector<float> logits(test.at("vocab").get<std::size_t>());
  for (std::uint64_t i = 0; i < logits.size(); ++i) {
    std::uint64_t x = (i * 2654435761 + row * 40503 + 12345) & 0xffffffff;
    x = ((x ^ (x >> 15)) * 2246822519) & 0xffffffff;
    x = (x ^ (x >> 13)) % levels;
    logits[i] = static_cast<float>((static_cast<double>(x) / static_cast<double>(levels) - 0.5) * scale);
  }
  return logits;
}

SamplerOptions options_of(const Json& test) {
  SamplerOptions options;
  options.temperature = test.at("temperature");
  options.seed = test.at("seed");
  const Json given = test.value("options", Json::object());
  options.top_k = given.value("top_k", 0);
  options.top_p = given.value("top_p", 0.0);
  options.min_p = given.value("min_p", 0.0);
  options.min_tokens_to_keep = given.value("min_tokens_to_keep", 1);
  options.repetition_penalty = given.value("repetition_penalty", 0.0);
  options.repetition_context_size = given.value("repetition_context_size", 20);
  options.presence_penalty = given.value("presence_penalty", 0.0);
  options.presence_context_size = given.value("presence_context_size", 20);
  options.frequency_penalty = given.value("frequency_penalty", 0.0);
  options.frequency_context_size = given.value("frequency_context_size", 20);
  for (const Json& pair : given.value("logit_bias", Json::array())) {
    const bool ban = pair.at(1).is_null();
    options.logit_bias.emplace_back(
        pair.at(0), ban ? -std::numeric_limits<double>::infinity() : pair.at(1).get<double>());
  }
  return options;
}

/// Draws as many tokens as the case holds, one from each row of the formula.
void expect_same_tokens(const Json& test) {
  SCOPED_TRACE(test.dump());
  Sampler sampler(options_of(test), dtype_named(test.at("dtype")), test.at("vocab"));
  const auto expected = test.at("tokens").get<std::vector<TokenId>>();
  auto tokens = test.value("prompt", std::vector<TokenId>{});
  std::vector<TokenId> drawn;
  for (std::size_t row = 0; row < expected.size(); ++row) {
    drawn.push_back(sampler.sample(formula_logits(test, row), tokens));
    tokens.push_back(drawn.back());
  }
  EXPECT_EQ(drawn, expected);
}

TEST(RandomGolden, KeysSplitsAndUniformsAreThoseOfMlx) {
  const Json cases = golden_cases("sampler_random.json");
  ASSERT_EQ(cases.size(), 4U);
  for (const Json& test : cases) {
    const random::Key key = random::key(test.at("seed"));
    EXPECT_EQ(key, test.at("key").get<random::Key>());
    for (const auto& [num, expected] : test.at("splits").items()) {
      std::vector<random::Key> keys(std::stoul(num));
      random::split(key, keys);
      EXPECT_EQ(keys, expected.get<std::vector<random::Key>>());
      std::vector<std::uint32_t> words(2 * keys.size());
      random::bits(key, words);
      for (std::size_t i = 0; i < words.size(); ++i) EXPECT_EQ(words[i], keys[i / 2][i % 2]);
    }
    for (const auto& [size, expected] : test.at("uniform").items()) {
      std::vector<float> drawn(std::stoul(size));
      random::uniform(key, drawn);
      EXPECT_EQ(drawn, expected.get<std::vector<float>>());
    }
  }
}

TEST(RandomGolden, ADefaultStreamKeepsTheFirstHalfOfEachSplit) {
  for (const Json& test : golden_cases("sampler_random.json")) {
    random::Key key = random::key(test.at("seed"));
    for (const float expected : test.at("sequence").get<std::vector<float>>()) {
      const auto [next, used] = random::split(key);
      key = next;
      EXPECT_EQ(random::uniform(used), expected);
    }
  }
}

TEST(SamplerGolden, DrawsTheTokensOfMlxFromLogits) {
  const Json cases = golden_cases("sampler_categorical.json");
  ASSERT_GT(cases.size(), 300U);
  for (const Json& test : cases) expect_same_tokens(test);
}

TEST(SamplerGolden, DrawsTheTokensOfMlxLmWithItsOptions) {
  const Json cases = golden_cases("sampler_options.json");
  ASSERT_GT(cases.size(), 400U);
  for (const Json& test : cases) expect_same_tokens(test);
}

}  // namespace
}  // namespace tramontane
