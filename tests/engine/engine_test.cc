#include "tramontane/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>

#include "core/memory.h"
#include "support/error_of.h"
#include "support/temp_folder.h"
#include "synthetic/checkpoint_writer.h"
#include "tramontane/generate.h"

namespace tramontane {
namespace {

const char* const kStories = TEST_DATA "/stories260k";

Model stories() { return load_model(kStories, {.threads = 2}); }

struct Outcome {
  std::vector<TokenId> tokens;
  std::int64_t prompt_done = 0;
  std::optional<FinishReason> reason;
  std::string error;
};

Request request_for(std::vector<TokenId> prompt, int max_tokens, Outcome& outcome) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.on_prompt = [&](std::int64_t done, std::int64_t) { outcome.prompt_done = done; };
  request.on_token = [&](TokenId token) { outcome.tokens.push_back(token); };
  request.on_finish = [&](FinishReason reason, const std::string& error) {
    EXPECT_FALSE(outcome.reason.has_value()) << "finished twice";
    outcome.reason = reason;
    outcome.error = error;
  };
  return request;
}

std::vector<TokenId> alone(Model& model, const std::vector<TokenId>& prompt, int max_tokens,
                           EngineOptions options = {}) {
  Engine engine(model, options);
  Outcome outcome;
  engine.submit(request_for(prompt, max_tokens, outcome));
  while (engine.step()) {
  }
  return outcome.tokens;
}

TEST(Engine, RequestsTogetherGetWhatTheyGetAlone) {
  Model model = stories();
  const std::vector<std::string> prompts = {
      "Once upon a time", "Lily and Tom went to the park. They saw a big", "The", "One day, a dog"};
  Engine engine(model, {.max_batch_rows = 5});  // prompts in pieces, beside the decode steps of the others
  std::vector<Outcome> outcomes(prompts.size());
  for (std::size_t i = 0; i < prompts.size(); i++) {
    engine.submit(request_for(model.tokenizer().encode(prompts[i]), 20 + static_cast<int>(i), outcomes[i]));
    engine.step();
  }
  while (engine.step()) {
  }
  for (std::size_t i = 0; i < prompts.size(); i++) {
    EXPECT_EQ(outcomes[i].tokens,
              alone(model, model.tokenizer().encode(prompts[i]), 20 + static_cast<int>(i)));
    EXPECT_EQ(outcomes[i].reason, FinishReason::length);
  }
}

TEST(Engine, BatchSizeDoesNotChangeTheTokens) {
  Model model = stories();
  const auto prompt = model.tokenizer().encode("Once upon a time, there was a little girl named Lily.");
  const auto expected = alone(model, prompt, 30);
  for (const int rows : {1, 2, 3, 7}) EXPECT_EQ(alone(model, prompt, 30, {.max_batch_rows = rows}), expected);
}

TEST(Engine, StopTokensEndARequestAndAreNotPartOfIt) {
  Model model = stories();
  const auto prompt = model.tokenizer().encode("Once upon a time");
  const auto tokens = alone(model, prompt, 10);
  Engine engine(model);
  Outcome outcome;
  Request request = request_for(prompt, 10, outcome);
  request.stop_tokens = {tokens[4]};
  engine.submit(std::move(request));
  while (engine.step()) {
  }
  EXPECT_EQ(outcome.reason, FinishReason::stop);
  EXPECT_EQ(outcome.tokens, std::vector<TokenId>(tokens.begin(), tokens.begin() + 4));
}

TEST(Engine, TheContextIsALimitOnPromptAndTextTogether) {
  Model model = stories();
  Engine engine(model, {.context = 12});
  Outcome outcome;
  engine.submit(request_for(model.tokenizer().encode("Once upon a time"), 100, outcome));
  while (engine.step()) {
  }
  EXPECT_EQ(outcome.reason, FinishReason::context);
  EXPECT_EQ(outcome.tokens.size(), 12U - 5U);
}

TEST(Engine, CancelledRequestsLeaveTheOthersAlone) {
  Model model = stories();
  Engine engine(model);
  Outcome kept, dropped;
  const auto prompt = model.tokenizer().encode("Once upon a time");
  engine.submit(request_for(prompt, 15, kept));
  const RequestId id = engine.submit(request_for(prompt, 15, dropped));
  engine.step();
  engine.step();
  engine.cancel(id);
  while (engine.step()) {
  }
  EXPECT_EQ(dropped.reason, FinishReason::cancelled);
  EXPECT_EQ(dropped.tokens.size(), 2U);
  EXPECT_EQ(kept.tokens, alone(model, prompt, 15));
}

TEST(Engine, ACallbackMaySubmitTheNextRequest) {
  Model model = stories();
  Engine engine(model);
  Outcome first, second;
  const auto prompt = model.tokenizer().encode("Once upon a time");
  Request request = request_for(prompt, 3, first);
  request.on_finish = [&](FinishReason, const std::string&) {
    engine.submit(request_for(prompt, 4, second));
  };
  engine.submit(std::move(request));
  while (engine.step()) {
  }
  EXPECT_EQ(second.tokens, alone(model, prompt, 4));
}

TEST(Engine, TheInterruptFlagCancelsEverything) {
  Model model = stories();
  std::atomic<bool> interrupt{false};
  Engine engine(model, {.interrupt = &interrupt});
  Outcome outcome;
  engine.submit(request_for(model.tokenizer().encode("Once upon a time"), 15, outcome));
  engine.step();
  interrupt = true;
  while (engine.step()) {
  }
  EXPECT_EQ(outcome.reason, FinishReason::cancelled);
  EXPECT_EQ(outcome.tokens.size(), 1U);
}

TEST(Engine, NothingIsGeneratedWhenNothingIsAskedFor) {
  Model model = stories();
  Outcome outcome;
  Engine engine(model);
  engine.submit(request_for({1, 2}, 0, outcome));
  while (engine.step()) {
  }
  EXPECT_EQ(outcome.reason, FinishReason::length);
  EXPECT_TRUE(outcome.tokens.empty());
}

std::string submit_error(const Request& request, EngineOptions options = {}) {
  Model model = stories();
  return testing::error_of([&] { Engine(model, options).submit(request); });
}

TEST(Engine, RefusesWhatItCannotRun) {
  EXPECT_EQ(submit_error({.prompt = {}}), "prompt: expected at least one token, found none");
  EXPECT_EQ(submit_error({.prompt = {1, 512}}), "token 1: expected an id in [0, 512), found 512");
  EXPECT_EQ(submit_error({.prompt = {-1}}), "token 0: expected an id in [0, 512), found -1");
  EXPECT_EQ(submit_error({.prompt = {1, 2, 3}}, {.context = 3}),
            "prompt: expected fewer tokens than the context of 3, found 3");
  EXPECT_EQ(submit_error({.prompt = {1}, .max_tokens = -1}), "max_tokens: expected 0 or more, found -1");
  EXPECT_NE(submit_error({.prompt = {1}, .max_tokens = 2000000000}).find("not enough memory"),
            std::string::npos);
  EXPECT_NE(submit_error({.prompt = {1}, .sampling = {.temperature = -1}}).find("temperature"),
            std::string::npos);
}

TEST(Engine, GivesTheCacheBack) {
  Model model = stories();
  Engine engine(model);
  std::vector<Outcome> outcomes(3);
  const auto prompt = model.tokenizer().encode("Once upon a time");
  EXPECT_EQ(engine.kv_bytes_in_use(), 0U);
  engine.submit(request_for(prompt, 100, outcomes[0]));
  engine.submit(request_for(prompt, 3, outcomes[1]));
  const RequestId dropped = engine.submit(request_for(prompt, 100, outcomes[2]));
  std::size_t most = 0;
  for (int steps = 0; engine.step(); steps++) {
    if (steps == 5) engine.cancel(dropped);
    most = std::max(most, engine.kv_bytes_in_use());
  }
  EXPECT_GE(most, model.kv_bytes(100));
  EXPECT_EQ(engine.kv_bytes_in_use(), 0U);
}

std::vector<TokenId> with_kept(Engine& engine, const std::vector<TokenId>& prompt, int max_tokens,
                               std::int64_t& cached) {
  Outcome outcome;
  cached = engine.cached_tokens(engine.submit(request_for(prompt, max_tokens, outcome)));
  while (engine.step()) {
  }
  return outcome.tokens;
}

std::vector<TokenId> joined(std::vector<TokenId> first, const std::vector<TokenId>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

TEST(Engine, AKeptSequenceServesAPromptThatGoesOnFromIt) {
  for (const int window : {0, 24}) {
    Model model = load_model(kStories, {.threads = 2, .sliding_window = window, .kv_block_tokens = 16});
    Engine engine(model, {.max_batch_rows = 8, .kept_sequences = 1});
    const auto first = model.tokenizer().encode("Once upon a time there was a little girl");
    std::int64_t cached = -1;
    const auto answer = with_kept(engine, first, 30, cached);
    EXPECT_EQ(cached, 0);
    EXPECT_EQ(answer, alone(model, first, 30));

    const auto second = joined(joined(first, answer), model.tokenizer().encode_text("She said"));
    const auto next = with_kept(engine, second, 30, cached);
    EXPECT_EQ(cached, static_cast<std::int64_t>(first.size() + answer.size()) - 1) << "window " << window;
    EXPECT_EQ(next, alone(model, second, 30)) << "window " << window;
  }
}

TEST(Engine, TheSamePromptAgainComputesItsLastTokenOnly) {
  Model model = stories();
  Engine engine(model, {.kept_sequences = 1});
  const auto prompt = model.tokenizer().encode("Once upon a time");
  std::int64_t cached = 0;
  const auto answer = with_kept(engine, prompt, 20, cached);
  EXPECT_EQ(with_kept(engine, prompt, 20, cached), answer);
  EXPECT_EQ(cached, static_cast<std::int64_t>(prompt.size()) - 1);
}

TEST(Engine, WhatAWindowHasDroppedIsComputedAgain) {
  Model model = load_model(kStories, {.threads = 2, .sliding_window = 24, .kv_block_tokens = 8});
  Engine engine(model, {.kept_sequences = 1});
  const auto prompt = model.tokenizer().encode("Once upon a time");
  std::int64_t cached = 0;
  const auto answer = with_kept(engine, prompt, 100, cached);
  EXPECT_EQ(with_kept(engine, prompt, 100, cached), answer);
  EXPECT_EQ(cached, 0);
}

TEST(Engine, TheLeastRecentKeptSequenceGoesFirst) {
  Model model = stories();
  Engine engine(model, {.kept_sequences = 2});
  std::int64_t cached = 0;
  for (const TokenId other : {10, 20, 30}) with_kept(engine, {1, other, 5, 6}, 1, cached);
  with_kept(engine, {1, 10, 5, 6}, 1, cached);
  EXPECT_EQ(cached, 1) << "of another sequence, BOS";
  with_kept(engine, {1, 30, 5, 6}, 1, cached);
  EXPECT_EQ(cached, 3) << "still there: the other one took a copy";
}

TEST(Engine, AnInterruptedRequestLeavesWhatItComputed) {
  Model model = stories();
  std::atomic<bool> interrupt = false;
  Engine engine(model, {.kept_sequences = 1, .interrupt = &interrupt});
  const auto prompt = model.tokenizer().encode("Once upon a time");
  Outcome outcome;
  Request request = request_for(prompt, 50, outcome);
  request.on_token = [&](TokenId token) {
    outcome.tokens.push_back(token);
    interrupt = outcome.tokens.size() == 10;
  };
  engine.submit(std::move(request));
  while (engine.step()) {
  }
  EXPECT_EQ(outcome.reason, FinishReason::cancelled);
  interrupt = false;
  const auto longer = joined(prompt, outcome.tokens);
  std::int64_t cached = 0;
  EXPECT_EQ(with_kept(engine, longer, 10, cached), alone(model, longer, 10));
  EXPECT_EQ(cached, static_cast<std::int64_t>(longer.size()) - 1);
}

// What a request may still need counts, not only what it has taken.
TEST(Engine, RequestsShareTheMemoryThereIs) {
  Model model = stories();
  Engine engine(model);
  const double per_token = static_cast<double>(model.kv_bytes(64'000)) / 64'000;
  const int tokens = static_cast<int>(std::min(0.7 * available_memory() / per_token, 2e9));
  ASSERT_LT(tokens, 2'000'000'000) << "too much memory for this test";
  Outcome first, second, third;
  const RequestId id = engine.submit(request_for({1, 2, 3}, tokens, first));
  engine.step();
  const std::string error = testing::error_of([&] { engine.submit(request_for({1, 2, 3}, tokens, second)); });
  EXPECT_NE(error.find("not enough memory"), std::string::npos) << error;
  engine.cancel(id);
  engine.step();
  EXPECT_EQ(first.reason, FinishReason::cancelled);
  EXPECT_FALSE(second.reason.has_value());
  engine.submit(request_for({1, 2, 3}, tokens, third));
}

TEST(Engine, ACancelledRequestHearsNoMoreOfItsPrompt) {
  Model model = stories();
  Engine engine(model, {.max_batch_rows = 4});
  Outcome first, second;
  RequestId cancelled = -1;
  Request request = request_for({1, 2}, 20, first);
  request.on_token = [&](TokenId) {
    if (second.prompt_done == 6) engine.cancel(cancelled);  // it is in this very batch
  };
  engine.submit(std::move(request));
  engine.step();
  cancelled = engine.submit(request_for(std::vector<TokenId>(30, 7), 20, second));
  while (engine.step()) {
  }
  EXPECT_EQ(second.prompt_done, 6);
  EXPECT_EQ(second.reason, FinishReason::cancelled);
  EXPECT_EQ(first.reason, FinishReason::length);
}

TEST(Engine, AnInterruptInTheMiddleOfAPromptEndsItThere) {
  Model model = stories();
  std::atomic<bool> interrupt{false};
  Engine engine(model, {.max_batch_rows = 8, .interrupt = &interrupt});
  Outcome outcome;
  Request request = request_for(std::vector<TokenId>(5000, 7), 20, outcome);
  request.on_prompt = [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 5000);
    outcome.prompt_done = done;
    interrupt = done == 16;
  };
  engine.submit(std::move(request));
  while (engine.step()) {
  }
  EXPECT_EQ(outcome.prompt_done, 16);
  EXPECT_EQ(outcome.reason, FinishReason::cancelled);
  EXPECT_TRUE(outcome.tokens.empty());
  EXPECT_EQ(engine.kv_bytes_in_use(), 0U);
}

// --- a float16 checkpoint

std::vector<TokenId> drawn_by_hand(Model& model, std::vector<TokenId> tokens, int count,
                                   const SamplerOptions& options, DType dtype) {
  Sampler sampler(options, dtype, model.args().vocab_size);
  std::vector<TokenId> drawn;
  for (int i = 0; i < count; i++) {
    const auto logits = model.logits(tokens);
    const auto last = std::span(logits).last(static_cast<std::size_t>(model.args().vocab_size));
    drawn.push_back(sampler.sample(last, tokens));
    tokens.push_back(drawn.back());
  }
  return drawn;
}

TEST(Engine, DrawsInTheDtypeOfTheCheckpoint) {
  synthetic::SyntheticOptions options;
  options.args.dim = 64;
  options.args.n_layers = 1;
  options.args.head_dim = 16;
  options.args.hidden_dim = 64;
  options.args.n_heads = 2;
  options.args.n_kv_heads = 1;
  options.args.vocab_size = 512;
  options.args.norm_eps = 1e-5F;
  options.dtype = DType::float16;
  options.tokenizer = std::string(kStories) + "/tokenizer.model";
  const testing::TempFolder folder;
  synthetic::write_checkpoint(folder.path(), options);
  Model model = load_model(folder.path(), {.threads = 2});
  ASSERT_EQ(model.dtype(), DType::float16);

  const std::vector<TokenId> prompt = {1, 20, 300};
  constexpr int kTokens = 8;
  constexpr double kTemperature = 0.1;  // logits count for more beside the noise, and so do their roundings
  bool dtype_matters = false;
  for (const std::uint64_t seed : {0, 1, 100, 110, 141, 161, 177, 194}) {
    const SamplerOptions sampling{.temperature = kTemperature, .seed = seed};
    Engine engine(model);
    Outcome outcome;
    Request request = request_for(prompt, kTokens, outcome);
    request.sampling = sampling;
    engine.submit(std::move(request));
    while (engine.step()) {
    }
    EXPECT_EQ(outcome.tokens, drawn_by_hand(model, prompt, kTokens, sampling, DType::float16)) << seed;
    if (outcome.tokens != drawn_by_hand(model, prompt, kTokens, sampling, DType::float32)) {
      dtype_matters = true;
    }
  }
  EXPECT_TRUE(dtype_matters);  // else the comparison proves nothing
}

}  // namespace
}  // namespace tramontane
