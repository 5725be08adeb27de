#include "tramontane/generate.h"

#include "core/fail.h"
#include "engine/stopwatch.h"

namespace tramontane {
namespace {

double rate(double tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

}  // namespace

double GenerateResult::prompt_tokens_per_second() const {
  return rate(static_cast<double>(prompt_processed - prompt_cached), prompt_seconds);
}

double GenerateResult::generation_tokens_per_second() const {
  return tokens.size() < 2 ? 0 : rate(static_cast<double>(tokens.size() - 1), generation_seconds);
}

GenerateResult generate(Model& model, std::span<const TokenId> prompt, const GenerateOptions& options,
                        const GenerateCallbacks& callbacks) {
  Engine engine(model, options.engine);
  return generate(engine, prompt, options, callbacks);
}

GenerateResult generate(Engine& engine, std::span<const TokenId> prompt, const GenerateOptions& options,
                        const GenerateCallbacks& callbacks) {
  const Model& model = engine.model();
  StreamDecoder decoder(model.tokenizer());
  GenerateResult result;
  result.prompt_tokens = prompt.size();
  std::string error;
  Stopwatch watch;
  RequestId id = 0;
  bool running = true;

  Request request;
  request.prompt.assign(prompt.begin(), prompt.end());
  request.max_tokens = options.max_tokens;
  request.stop_tokens = options.stop_tokens;
  if (!options.ignore_eos && model.tokenizer().eos_id() >= 0)
    request.stop_tokens.push_back(model.tokenizer().eos_id());
  request.sampling = options.sampling;
  request.on_prompt = [&](std::int64_t done, std::int64_t total) {
    result.prompt_processed = static_cast<std::size_t>(done);
    if (callbacks.on_prompt) callbacks.on_prompt(done, total);
  };
  request.on_token = [&](TokenId token) {
    if (result.tokens.empty()) result.prompt_seconds = watch.lap();
    result.tokens.push_back(token);
    const std::string text = decoder.push(token);
    result.text += text;
    if (callbacks.on_token && !callbacks.on_token(token, text)) engine.cancel(id);
  };
  request.on_finish = [&](FinishReason reason, const std::string& message) {
    result.finish_reason = reason;
    error = message;
    running = false;
  };

  id = engine.submit(std::move(request));
  result.prompt_cached = static_cast<std::size_t>(engine.cached_tokens(id));
  while (running && engine.step()) {
  }
  (result.tokens.empty() ? result.prompt_seconds : result.generation_seconds) = watch.lap();
  if (result.finish_reason == FinishReason::error) throw Error(error);
  result.last_text = decoder.finish();
  result.text += result.last_text;
  return result;
}

GenerateResult generate(Model& model, std::string_view prompt, const GenerateOptions& options,
                        const GenerateCallbacks& callbacks) {
  if (prompt.empty()) fail("prompt: expected some text, found none");
  return generate(model, model.tokenizer().encode(prompt), options, callbacks);
}

}  // namespace tramontane
