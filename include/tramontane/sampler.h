#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "tramontane/dtype.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// How a token is drawn from logits. The names, meanings and order of application are mlx-lm's: bias and
/// penalties, top_p, min_p, top_k, temperature. Every option is off by default, which leaves argmax; at
/// temperature 0 the three filters have nothing to do.
struct SamplerOptions {
  double temperature = 0;      // 0: argmax, the first of equals
  std::uint64_t seed = 0;      // as mx.random.seed takes it
  int top_k = 0;               // keep the k likeliest, k below the size of the vocabulary; 0: off
  double top_p = 0;            // nucleus: keep the likeliest that together reach p; 0 or 1: off
  double min_p = 0;            // keep those at least min_p times as likely as the likeliest; 0: off
  int min_tokens_to_keep = 1;  // min_p never leaves fewer

  /// Divides positive, multiplies negative logits of recent tokens; 0 or 1: off.
  double repetition_penalty = 0;
  int repetition_context_size = 20;  // of the latest tokens, prompt included; 0: all of them
  double presence_penalty = 0;       // subtracted once from the logit of each recent token; may be negative
  int presence_context_size = 20;
  double frequency_penalty = 0;  // subtracted once per occurrence; may be negative
  int frequency_context_size = 20;
  std::vector<std::pair<TokenId, double>> logit_bias = {};  // added first; minus infinity bans a token
};

/// Draws tokens for one sequence, with its own key sequence. MLX 0.32.4 gives the same tokens for the same
/// logits, dtype and seed. With every option off but temperature and seed this is the original program's
/// rule, on logits; with others it is mlx-lm's, on log-probabilities. Move-only: use one sampler per
/// sequence. Not thread-safe.
class Sampler {
 public:
  /// `logits_dtype` is the dtype that MLX would hold the logits in (the checkpoint's). Throws Error naming
  /// the option that is out of range, or a logit_bias token that is outside [0, vocab_size) or given twice.
  Sampler(SamplerOptions options, DType logits_dtype, int vocab_size);

  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;
  ~Sampler();

  /// `logits`: [vocab_size], one row, rounded here to the dtype. `tokens`: prompt and generated tokens so
  /// far, for the penalties. Throws Error when a logit is NaN (a broken checkpoint), when the penalties rule
  /// out every token, or when the row or a token is not of the vocabulary's size.
  TokenId sample(std::span<const float> logits, std::span<const TokenId> tokens);

 private:
  struct Scratch;  // reused from token to token

  SamplerOptions options_ = {};
  DType dtype_;
  std::array<std::uint32_t, 2> key_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tramontane
