#include "sampler/penalties.h"

#include <algorithm>
#include <cstddef>

#include "core/fail.h"
#include "sampler/mlx_math.h"

namespace tramontane {
namespace {

/// One dtype's logits, each operation rounded to it.
class Logits {
 public:
  Logits(DType dtype, std::span<float> row) : dtype_(dtype), row_(row) {}

  void add(TokenId token, float value) { set(token, at(token) + value); }
  void repel(TokenId token, float penalty) {
    set(token, at(token) < 0 ? at(token) * penalty : at(token) / penalty);
  }

  /// The last `context_size` tokens; 0 means all of them, as Python's tokens[-0:] does.
  std::span<const TokenId> recent(std::span<const TokenId> tokens, int context_size) const {
    const auto size = static_cast<std::size_t>(context_size);
    const auto context = size == 0 ? tokens : tokens.last(std::min(size, tokens.size()));
    for (const TokenId token : context) {
      if (token < 0 || static_cast<std::size_t>(token) >= row_.size()) {
        fail("tokens: expected ids below {}, found {}", row_.size(), token);
      }
    }
    return context;
  }

 private:
  float& at(TokenId token) const { return row_[static_cast<std::size_t>(token)]; }
  void set(TokenId token, float value) { at(token) = round_to(dtype_, value); }

  DType dtype_;
  std::span<float> row_;
};

/// Each token of the context once.
std::span<const TokenId> distinct(std::span<const TokenId> context, std::vector<TokenId>& scratch) {
  scratch.assign(context.begin(), context.end());
  std::sort(scratch.begin(), scratch.end());
  scratch.erase(std::unique(scratch.begin(), scratch.end()), scratch.end());
  return scratch;
}

}  // namespace

bool has_penalties(const SamplerOptions& options) {
  return !options.logit_bias.empty() ||
         (options.repetition_penalty != 0 && options.repetition_penalty != 1) ||
         options.presence_penalty != 0 || options.frequency_penalty != 0;
}

void apply_penalties(const SamplerOptions& options, DType dtype, std::span<const TokenId> tokens,
                     std::span<float> logits, std::vector<TokenId>& scratch) {
  Logits row(dtype, logits);
  for (const auto& [token, bias] : options.logit_bias) row.add(token, mlx::weak_scalar(dtype, bias));

  if (options.repetition_penalty != 0) {
    const float penalty = mlx::weak_scalar(dtype, options.repetition_penalty);
    const auto context = row.recent(tokens, options.repetition_context_size);
    for (const TokenId token : distinct(context, scratch)) row.repel(token, penalty);
  }
  if (options.presence_penalty != 0) {
    const float penalty = mlx::weak_scalar(dtype, options.presence_penalty);
    const auto context = row.recent(tokens, options.presence_context_size);
    for (const TokenId token : distinct(context, scratch)) row.add(token, -penalty);
  }
  if (options.frequency_penalty != 0) {
    const float penalty = mlx::weak_scalar(dtype, options.frequency_penalty);
    for (const TokenId token : row.recent(tokens, options.frequency_context_size)) row.add(token, -penalty);
  }
}

}  // namespace tramontane
