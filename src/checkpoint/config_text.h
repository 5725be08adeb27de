#pragma once
#include <nlohmann/json.hpp>

#include "checkpoint/config.h"
#include "checkpoint/tensor_names.h"
#include "tramontane/model_args.h"

namespace tramontane {

/// A config.json that parse_config reads as `args`, in the dialect that goes with the names: of MLX's example
/// (mistral) or of Hugging Face and mlx-lm. Without `quantization`. An empty sliding_window means none;
/// rope_layout is not written: the names imply it.
nlohmann::ordered_json config_json(const ModelArgs& args, NameFamily dialect);

/// The `quantization` entry that parse_config reads as this; there is a standard. Of affine groups it says no
/// more than size and bits, which is all that MLX's older readers want.
nlohmann::ordered_json quantization_json(const QuantizationConfig& quantization);

}  // namespace tramontane
