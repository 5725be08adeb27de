#pragma once
#include <span>
#include <vector>

#include "model/weights.h"
#include "tramontane/model_args.h"
#include "tramontane/tokenizer.h"

namespace tramontane::testing {

/// The definition of the model: the equations one after another in double precision, no cache, no batch, no
/// chunks. Logits of every position, [tokens.size(), vocab_size].
std::vector<double> reference_logits(const ModelArgs& args, const Weights& weights,
                                     std::span<const TokenId> tokens);

}  // namespace tramontane::testing
