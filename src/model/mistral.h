#pragma once
#include <atomic>
#include <vector>

#include "model/backend.h"
#include "model/batch.h"
#include "model/rope.h"
#include "model/weights.h"
#include "tramontane/model_args.h"

namespace tramontane {

/// Room for the activations of one batch; grows to the largest batch seen. All views are [rows, ...] into one
/// buffer.
class Workspace {
 public:
  Workspace(const ModelArgs& args, Backend& backend) : args_(args), backend_(backend) {}
  void resize(std::int64_t rows, std::int64_t logit_rows);

  Rows h;             // [rows, dim], the residual stream
  Rows x;             // [rows, dim], normed
  Rows r;             // [rows, dim], what a half of a block adds to h
  Rows q, k, v;       // [rows, n_heads * head_dim], [rows, n_kv_heads * head_dim] twice
  Rows attended;      // as q
  Rows gate, up;      // [rows, hidden_dim]
  Rows last, logits;  // [logit_rows, dim], [logit_rows, vocab_size]

 private:
  ModelArgs args_;
  Backend& backend_;
  Buffer memory_;
  std::size_t capacity_ = 0;  // floats
};

/// What the layers of one forward pass share.
struct Step {
  const Batch& batch;
  const Rotations& rotations;
  KvCache& cache;
  Backend& backend;
  const Workspace& work;
};

class Attention {
 public:
  Attention(const ModelArgs& args, const LayerWeights& weights, int layer);
  void operator()(const Rows& x, const Step& step, const Rows& out) const;

 private:
  const LayerWeights& w_;
  Backend::AttentionSpec spec_;
};

class FeedForward {
 public:
  explicit FeedForward(const LayerWeights& weights) : w_(weights) {}
  void operator()(const Rows& x, const Step& step, const Rows& out) const;

 private:
  const LayerWeights& w_;
};

class TransformerBlock {
 public:
  TransformerBlock(const ModelArgs& args, const LayerWeights& weights, int layer);
  /// The two halves of a block, each of which adds to the residual stream: h += attention(norm(h)), for all
  /// rows of the batch, and h += feed_forward(norm(h)), for any rows.
  void attend(const Rows& h, const Step& step) const;
  void feed_forward(const Rows& h, const Step& step) const;

 private:
  Attention attention_;
  FeedForward feed_forward_;
  const LayerWeights& w_;
  float norm_eps_;
};

/// A dense Mistral decoder (Jiang et al. 2023, arXiv:2310.06825). The weights' bytes and the backend must
/// outlive it. Not copyable or movable: the layers refer to the weights it holds. One caller at a time.
class Mistral {
 public:
  Mistral(ModelArgs args, Weights weights, Backend& backend);
  Mistral(const Mistral&) = delete;
  Mistral& operator=(const Mistral&) = delete;

  /// One pass over the batch: extends each sequence's cache by its rows and drops what has left every window.
  /// Returns logits [batch.logit_rows.size(), vocab_size], valid until the next call. Token ids must be in
  /// range. When `*interrupt` becomes true it stops between layers and returns no rows (data is null); the
  /// sequences of the batch are then only fit to be released.
  Rows forward(const Batch& batch, KvCache& cache, const std::atomic<bool>* interrupt = nullptr);

  const ModelArgs& args() const { return args_; }
  const Weights& weights() const { return weights_; }

 private:
  void drop_unseen(const Batch& batch, KvCache& cache) const;

  ModelArgs args_;
  Weights weights_;
  Backend& backend_;
  std::vector<TransformerBlock> layers_;
  Rope rope_;
  Rotations rotations_;
  Workspace work_;
};

/// The longest sliding window of any layer; 0 when some layer sees everything.
int longest_window(const ModelArgs& args);

}  // namespace tramontane
