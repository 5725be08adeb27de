#pragma once
#include <cstddef>
#include <span>

#include "sampler/random.h"

namespace tramontane {

/// mx.random.categorical(logits, key=key) of MLX 0.32.4 for a single row: the inverse of the cumulative
/// distribution, in float32 whatever the dtype of the logits. `logits` (not empty, no NaN) is overwritten
/// with unnormalised probabilities. Where the largest is infinite the draw is uniform over its equals.
std::size_t categorical(std::span<float> logits, const random::Key& key);

}  // namespace tramontane
