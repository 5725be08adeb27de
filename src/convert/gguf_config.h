#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "checkpoint/gguf_fields.h"

namespace tramontane {

/// The metadata of a dense Mistral model as a config.json in the dialect of MLX's example. Sizes that only
/// tensors can tell are arguments: vocab_size, where the metadata lack it, and whether the head is the
/// embedding. What the user should hear of goes to `warnings`. Throws Error naming file and key for another
/// architecture, and for whatever makes the model compute something else.
nlohmann::ordered_json gguf_config(const GgufFields& fields, std::int64_t vocab_size, bool tied_embeddings,
                                   std::vector<std::string>& warnings);

}  // namespace tramontane
