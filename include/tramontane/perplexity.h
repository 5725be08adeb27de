#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <span>

#include "tramontane/model.h"

namespace tramontane {

/// How a text longer than a context is cut. Every token is scored once, in the first window that holds it;
/// the rest of a window is context. Every window begins with BOS if the tokenizer has one.
struct PerplexityOptions {
  int window = 512;  // tokens, BOS included; at least 2
  /// New tokens per window after the first, from 1 to window - 1; fewer: more context and more work.
  int stride = 256;
  /// Another model of the same vocabulary (the same one in another precision, say) to compare the predictions
  /// with. Must outlive the call; not the model itself.
  Model* reference = nullptr;
  /// Stop soon when this becomes true: the window at hand does not count.
  const std::atomic<bool>* interrupt = nullptr;
};

/// Sums over the scored tokens. The first token of a text is scored given BOS; without a BOS it is not.
struct PerplexityResult {
  std::int64_t tokens = 0;
  std::int64_t windows = 0;
  double nats = 0;          // the negative log likelihood
  double nats_squared = 0;  // the sum of the tokens' squares
  double divergence = 0;    // KL(reference || model), in nats; 0 without a reference, as are the next two
  double reference_nats = 0;
  std::int64_t same_best = 0;  // tokens for which both find the same one likeliest
  double seconds = 0;

  double nats_per_token() const;
  double perplexity() const;  // exp(nats_per_token())
  /// Of nats_per_token, as if tokens were independent.
  double standard_error() const;
  /// For the bytes of the text that was scored (without a BOS that is less than all by the first token).
  double bits_per_byte(std::int64_t bytes) const;
};

/// Called after each window; return false to stop there, with the sums so far.
using PerplexityProgress = std::function<bool(const PerplexityResult& so_far, std::int64_t total_tokens)>;

/// How well the model predicts `text`, the ids of a text as Tokenizer::encode gives them (their BOS, if any,
/// is the first window's). The sums are the same for any number of threads. Throws Error for an option out of
/// range, a token id outside [0, vocab_size), a text without a token to score, a reference with another
/// number of tokens, logits that are not finite, and when memory runs out.
PerplexityResult perplexity(Model& model, std::span<const TokenId> text,
                            const PerplexityOptions& options = {}, const PerplexityProgress& progress = {});

}  // namespace tramontane
