#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tramontane/engine.h"

namespace tramontane {

struct GenerateOptions {
  int max_tokens = 100;
  bool ignore_eos = false;  // go on past the end-of-sequence token, as the original program does
  std::vector<TokenId> stop_tokens = {};  // that end the text beside the end-of-sequence token
  SamplerOptions sampling = {};
  EngineOptions engine = {};
};

struct GenerateCallbacks {
  /// Tokens of the prompt processed so far, those found in the cache included.
  std::function<void(std::int64_t done, std::int64_t total)> on_prompt = {};
  /// A token was drawn; `text` is what it completes: valid UTF-8, perhaps empty. Return false to stop.
  std::function<bool(TokenId token, std::string_view text)> on_token = {};
};

struct GenerateResult {
  std::vector<TokenId> tokens = {};  // the continuation, without the prompt and without a stop token
  std::string text;                  // Tokenizer::decode(tokens)
  std::string last_text;             // the tail of `text` that no on_token call has shown, usually empty
  FinishReason finish_reason = FinishReason::length;
  std::size_t prompt_tokens = 0;
  std::size_t prompt_cached = 0;     // of an engine that keeps sequences: not computed again
  std::size_t prompt_processed = 0;  // with those; fewer than prompt_tokens when it was cancelled on the way
  double prompt_seconds = 0;         // until the first token was drawn
  double generation_seconds = 0;     // after that

  double prompt_tokens_per_second() const;      // of those that were computed
  double generation_tokens_per_second() const;  // of the tokens after the first; 0 when there are none
};

/// Continues one prompt and returns when it is finished. Throws Error as Engine::submit does, and when a step
/// fails.
GenerateResult generate(Model& model, std::span<const TokenId> prompt, const GenerateOptions& options = {},
                        const GenerateCallbacks& callbacks = {});

/// The same with an engine that is there already and may keep sequences (`options.engine` is not read). Other
/// requests of the engine advance too.
GenerateResult generate(Engine& engine, std::span<const TokenId> prompt, const GenerateOptions& options = {},
                        const GenerateCallbacks& callbacks = {});

/// The same for text, encoded by the model's tokenizer. Throws Error for an empty prompt.
GenerateResult generate(Model& model, std::string_view prompt, const GenerateOptions& options = {},
                        const GenerateCallbacks& callbacks = {});

}  // namespace tramontane
