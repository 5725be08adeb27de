#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/matrix_view.h"
#include "tramontane/model_args.h"

namespace tramontane {

/// The `quantization` entry of a config.json.
struct QuantizationConfig {
  /// Mistral's own: weights are fp8 (F8_E4M3), each tensor with a scale. Nothing below then holds.
  bool float8 = false;
  std::optional<QuantSpec> standard;  // of every linear layer and the embedding; none: not quantised
  /// By module path as the checkpoint spells it ("model.layers.0.mlp.down_proj"); none: explicitly not
  /// quantised.
  std::map<std::string, std::optional<QuantSpec>, std::less<>> overrides;
};

/// A config.json, understood and validated. Both dialects: the one of params.json and MLX's example (dim,
/// n_layers, ...) and the one of Hugging Face and mlx-lm (hidden_size, num_hidden_layers, ...).
struct Config {
  ModelArgs args;  // rope_layout is not the config's to say: load_weights sets it from the tensors' names
  QuantizationConfig quantization;
  bool rope_theta_given = false;
  std::vector<std::string> warnings;  // traps that a user should hear of, one line each
};

/// What a user wants instead of what the file says.
struct ConfigOverrides {
  std::optional<double> rope_theta = {};
  std::optional<int> sliding_window = {};  // of every layer, in tokens; 0: none
};

/// `file` is for messages. Throws Error naming the key, what was expected and what was found.
Config parse_config(std::string_view json, const std::string& file, const ConfigOverrides& overrides = {});

}  // namespace tramontane
