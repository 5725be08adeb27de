#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "core/memory.h"
#include "kernels/matrix_view.h"
#include "model/batch.h"
#include "model/rope.h"
#include "model/rows.h"

namespace tramontane {

/// The operations of the forward pass, each on a whole batch. The model is written in these words alone, so
/// that where they run is the backend's business. Shapes are the caller's promise; `out` views are at least
/// as large as written. One caller at a time.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Memory for activations and cache blocks, 64-byte aligned.
  virtual Buffer allocate(std::size_t bytes) = 0;

  /// out[i] = row tokens[i] of w
  virtual void embed(std::span<const TokenId> tokens, const MatrixView& w, const Rows& out) = 0;
  /// out[i] = x[i] * weight / rms(x[i])
  virtual void rms_norm(const Rows& x, std::span<const float> weight, float eps, const Rows& out) = 0;
  /// out = x w^T for each of some matrices, in one sweep over x.
  struct Projection {
    const MatrixView& w;
    const Rows& out;
  };
  virtual void linear(const Rows& x, std::initializer_list<Projection> projections) = 0;
  /// Rotates q and k in place.
  virtual void rope(const Rows& q, const Rows& k, const Rotations& rotations) = 0;
  /// Writes k and v to the cache at the rows' positions, for which the cache was extended.
  virtual void store(const Rows& k, const Rows& v, const Batch& batch, KvCache& cache, int layer) = 0;
  /// out = causal attention of q over the cache. window: tokens a query sees, itself included; 0: all.
  struct AttentionSpec {
    int layer = 0;
    int n_heads = 0;
    std::int64_t window = 0;
    float scale = 1;
  };
  virtual void attention(const Rows& q, const Batch& batch, const KvCache& cache, const AttentionSpec& spec,
                         const Rows& out) = 0;
  /// gate = silu(gate) * up
  virtual void silu_mul(const Rows& gate, const Rows& up) = 0;
  /// x += y
  virtual void add(const Rows& x, const Rows& y) = 0;
  /// out[i] = x[rows[i]]
  virtual void gather(const Rows& x, std::span<const std::int64_t> rows, const Rows& out) = 0;
};

}  // namespace tramontane
