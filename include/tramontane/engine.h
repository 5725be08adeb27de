#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tramontane/model.h"
#include "tramontane/sampler.h"

namespace tramontane {

using RequestId = std::int64_t;

enum class FinishReason {
  stop,       // a stop token was drawn; it is not part of the result
  length,     // max_tokens were drawn
  context,    // the context is full
  cancelled,  // cancel() or the interrupt flag
  error,      // see the message
};
std::string_view name_of(FinishReason reason);

/// One prompt to be continued. The callbacks run inside Engine::step, on its caller's thread; they may call
/// Engine::cancel and Engine::submit, and must not throw.
struct Request {
  std::vector<TokenId> prompt = {};  // at least one token
  int max_tokens = 100;
  std::vector<TokenId> stop_tokens = {};  // usually the tokenizer's eos_id
  SamplerOptions sampling = {};

  /// Tokens of the prompt processed so far, those found in the cache included.
  std::function<void(std::int64_t done, std::int64_t total)> on_prompt = {};
  std::function<void(TokenId token)> on_token = {};
  /// The last call for a request.
  std::function<void(FinishReason reason, const std::string& error)> on_finish = {};
};

struct EngineOptions {
  /// Most tokens of prompt and continuation together; 0: what the checkpoint declares, if it does.
  int context = 0;
  /// Rows of one forward pass: bounds the memory for activations, not the result.
  int max_batch_rows = 256;
  /// How many finished requests leave their keys and values in the cache, for prompts that begin as they did:
  /// only what is new of such a prompt is computed, with the same results
  /// (where activations of 8 bits are not asked for). The least recent goes first, and
  /// all go before a request is refused for lack of memory.
  int kept_sequences = 0;
  /// When it becomes true, step() cancels every request soon after.
  const std::atomic<bool>* interrupt = nullptr;
};

/// Turns requests into batches and batches into tokens: each step is one forward pass over a ragged batch,
/// one row for each sequence that is generating and the rest of the room for prompts, in order of arrival.
/// Results do not depend on what else is in the batch. Borrows the model, which must outlive it. One caller
/// at a time.
class Engine {
 public:
  explicit Engine(Model& model, EngineOptions options = {});
  Engine(Engine&&) noexcept;
  ~Engine();

  Model& model() const;

  /// Most tokens of prompt and continuation together; 0: no limit but memory.
  std::int64_t context() const;

  /// Throws Error for an empty prompt, a token id out of range, a prompt that leaves no room in the context,
  /// sampling options out of range, or when the request could not fit in memory beside
  /// those that are running.
  RequestId submit(Request request);

  /// Ends a request: on_finish(cancelled). No effect on one that has ended.
  void cancel(RequestId id);

  /// Tokens of the prompt that a running request did not have to compute, because an earlier request had left
  /// them in the cache; 0 for one that has ended.
  std::int64_t cached_tokens(RequestId id) const;

  /// Memory of the KV cache that running and kept requests hold now, in bytes.
  std::size_t kv_bytes_in_use() const;

  /// One forward pass. False when there was nothing to do.
  bool step();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tramontane
