#pragma once
#include <span>
#include <vector>

#include "tramontane/dtype.h"
#include "tramontane/sampler.h"

namespace tramontane {

/// Whether any of the options below is on.
bool has_penalties(const SamplerOptions& options);

/// mlx-lm's logits processors: logit_bias, then the repetition, presence and frequency penalties. `logits` is
/// a row of `dtype`, kept as float32; every operation is rounded to it. `scratch` is reused from token to
/// token. Throws Error for a token of the context that the row does not hold.
void apply_penalties(const SamplerOptions& options, DType dtype, std::span<const TokenId> tokens,
                     std::span<float> logits, std::vector<TokenId>& scratch);

}  // namespace tramontane
