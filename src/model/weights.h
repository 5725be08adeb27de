#pragma once
#include <vector>

#include "checkpoint/checkpoint.h"
#include "kernels/matrix_view.h"
#include "tramontane/model_args.h"

namespace tramontane {

struct LayerWeights {
  MatrixView wq;                                // [n_heads * head_dim, dim]
  MatrixView wk, wv;                            // [n_kv_heads * head_dim, dim]
  MatrixView wo;                                // [dim, n_heads * head_dim]
  MatrixView w1, w2, w3;                        // [hidden_dim, dim], [dim, hidden_dim], [hidden_dim, dim]
  std::vector<float> attention_norm, ffn_norm;  // [dim]
};

/// A model's parameters: matrices as views into the checkpoint, which must outlive this; norms copied to
/// float32.
struct Weights {
  MatrixView tok_embeddings;  // [vocab_size, dim]
  std::vector<LayerWeights> layers;
  std::vector<float> norm;            // [dim]
  MatrixView output;                  // [vocab_size, dim]; the same view as tok_embeddings when tied
  DType norm_dtype = DType::float32;  // in the checkpoint
  DType dtype = DType::float32;       // what MLX would compute in: mostly the dtype of the norms
  RopeLayout rope_layout = RopeLayout::interleaved;
};

/// What MLX computes in. It reads an embedding in a mode other than affine as bfloat16, which makes float32
/// of a float16 model.
DType computed_dtype(const MatrixView& embeddings, DType norms);

/// Finds every tensor that the configuration calls for, checks shape, dtype and quantisation, and refuses
/// missing and unknown ones. Throws Error naming file and tensor.
Weights load_weights(const Checkpoint& checkpoint);

}  // namespace tramontane
