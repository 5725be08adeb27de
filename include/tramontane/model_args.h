#pragma once
#include <optional>
#include <vector>

namespace tramontane {

/// Which elements of a head RoPE (Su et al. 2021, arXiv:2104.09864) rotates together: (2i, 2i+1), as
/// consolidated and original MLX checkpoints store wq and wk, or (i, i + head_dim/2), as Hugging Face
/// checkpoints store them.
enum class RopeLayout { interleaved, half_split };

/// YaRN context extension (Peng et al. 2023, arXiv:2309.00071).
struct YarnScaling {
  double factor = 1;
  double original_max_position = 4096;  // tokens
  double beta_fast = 32;                // rotations over the original context
  double beta_slow = 1;
  double attention_factor = 1;  // multiplies the rotated q and k
};

/// The factor 1 + beta * ln(1 + floor(position / original_max_position)) on each query (Llama 4).
struct QueryTemperature {
  double beta = 0;
  double original_max_position = 8192;  // tokens
};

/// The shape of a dense Mistral model. Immutable once validated by the loader: every size is positive,
/// n_heads is a multiple of n_kv_heads, head_dim is even. Sizes are elements; positions and windows are
/// tokens.
struct ModelArgs {
  int dim = 0;
  int n_layers = 0;
  int head_dim = 0;  // independent of dim / n_heads
  int hidden_dim = 0;
  int n_heads = 0;
  int n_kv_heads = 0;
  int vocab_size = 0;
  float norm_eps = 0;

  double rope_theta = 10000;
  RopeLayout rope_layout = RopeLayout::interleaved;
  std::optional<YarnScaling> yarn = {};
  std::optional<QueryTemperature> query_temperature = {};

  /// For each layer, how many tokens a query sees, itself included: keys at positions p - window < k <= p.
  /// 0: all of them. Always n_layers entries.
  std::vector<int> sliding_window = {};

  bool tied_embeddings = false;  // the output head is tok_embeddings
  int max_position = 0;          // the context the checkpoint declares, in tokens; 0: it declares none
};

}  // namespace tramontane
