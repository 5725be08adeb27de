#include "tramontane/generate.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tramontane/error.h"

namespace tramontane {
namespace {

const char* const kStories = TEST_DATA "/stories260k";

TEST(Generate, TellsTheExpectedStoriesTokenForToken) {
  Model model = load_model(kStories);
  std::ifstream file(std::string(kStories) + "/expected.json");
  for (const auto& story : nlohmann::json::parse(file)) {
    const auto expected = story["greedy_ids"].get<std::vector<TokenId>>();
    const auto result = generate(model, story["prompt"].get<std::string>(),
                                 {.max_tokens = static_cast<int>(expected.size())});
    EXPECT_EQ(model.tokenizer().encode(story["prompt"].get<std::string>()),
              story["prompt_ids"].get<std::vector<TokenId>>());
    EXPECT_EQ(result.tokens, expected);
    // expected.json holds SentencePiece's own text, without the leading space that decode puts back
    EXPECT_EQ(result.text.substr(result.text.starts_with(' ') ? 1 : 0), story["text"].get<std::string>());
  }
}

TEST(Generate, StreamedTextJoinsToTheWhole) {
  Model model = load_model(kStories);
  std::string streamed;
  std::vector<TokenId> tokens;
  GenerateCallbacks callbacks;
  callbacks.on_token = [&](TokenId token, std::string_view text) {
    tokens.push_back(token);
    streamed += text;
    return true;
  };
  const auto result = generate(model, "Once upon a time", {.max_tokens = 60}, callbacks);
  EXPECT_EQ(tokens, result.tokens);
  EXPECT_EQ(streamed + result.last_text, result.text);
  EXPECT_EQ(result.text, model.tokenizer().decode(result.tokens));
  EXPECT_EQ(result.finish_reason, FinishReason::length);
  EXPECT_EQ(result.prompt_tokens, 5U);
  EXPECT_GT(result.generation_tokens_per_second(), 0);
}

TEST(Generate, ACallbackCanStop) {
  Model model = load_model(kStories);
  GenerateCallbacks callbacks;
  int seen = 0;
  callbacks.on_token = [&](TokenId, std::string_view) { return ++seen < 3; };
  const auto result = generate(model, "Once upon a time", {.max_tokens = 60}, callbacks);
  EXPECT_EQ(result.tokens.size(), 3U);
  EXPECT_EQ(result.finish_reason, FinishReason::cancelled);
}

TEST(Generate, ReportsPromptProgressPieceByPiece) {
  Model model = load_model(kStories);
  std::vector<std::int64_t> progress;
  GenerateCallbacks callbacks;
  callbacks.on_prompt = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 10);
    progress.push_back(done);
  };
  const std::vector<TokenId> prompt(10, 7);
  generate(model, prompt, {.max_tokens = 1, .engine = {.max_batch_rows = 4}}, callbacks);
  EXPECT_EQ(progress, (std::vector<std::int64_t>{4, 8, 10}));
}

TEST(Generate, TheSameSeedDrawsTheSameTokens) {
  Model model = load_model(kStories);
  GenerateOptions options{.max_tokens = 40, .sampling = {.temperature = 1, .seed = 7}};
  const auto first = generate(model, "Once upon a time", options);
  EXPECT_EQ(generate(model, "Once upon a time", options).tokens, first.tokens);
  options.sampling.seed = 8;
  EXPECT_NE(generate(model, "Once upon a time", options).tokens, first.tokens);
}

TEST(Generate, AnEmptyPromptIsAnError) {
  Model model = load_model(kStories);
  EXPECT_THROW(generate(model, ""), Error);
}

}  // namespace
}  // namespace tramontane
