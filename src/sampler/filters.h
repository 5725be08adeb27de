#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tramontane/dtype.h"
#include "tramontane/sampler.h"

// mlx-lm's samplers: each sets the log-probabilities of the tokens it rules out to minus infinity. `logprobs`
// is a row of `dtype`, kept as float32, without NaN.
namespace tramontane {

/// Memory that the filters reuse from token to token.
struct FilterScratch {
  std::vector<float> sorted;
  std::vector<std::uint32_t> order;
};

/// Applies those of top_p, min_p and top_k that the options switch on, in this order.
void apply_filters(const SamplerOptions& options, DType dtype, std::span<float> logprobs,
                   FilterScratch& scratch);

}  // namespace tramontane
