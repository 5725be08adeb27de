#pragma once
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "kernels/integer_products.h"
#include "kernels/kernels.h"
#include "model/backend.h"

namespace tramontane {

/// Runs the operations on a thread pool with one table of kernels. Owns neither weights nor cache.
class CpuBackend final : public Backend {
 public:
  /// The kernels must outlive this (they are static). `activation_bits`: of what products with quantised
  /// weights multiply, where the kernels have integer products for them: 16, or 8 for batches
  /// of more than one row; 32: float32 products only.
  CpuBackend(const Kernels& kernels, int threads, int activation_bits = 16, bool pin_threads = false);

  const Kernels& kernels() const { return kernels_; }
  int threads() const { return pool_.size(); }

  Buffer allocate(std::size_t bytes) override { return allocate_host(bytes); }
  void embed(std::span<const TokenId> tokens, const MatrixView& w, const Rows& out) override;
  void rms_norm(const Rows& x, std::span<const float> weight, float eps, const Rows& out) override;
  void linear(const Rows& x, std::initializer_list<Projection> projections) override;
  void rope(const Rows& q, const Rows& k, const Rotations& rotations) override;
  void store(const Rows& k, const Rows& v, const Batch& batch, KvCache& cache, int layer) override;
  void attention(const Rows& q, const Batch& batch, const KvCache& cache, const AttentionSpec& spec,
                 const Rows& out) override;
  void silu_mul(const Rows& gate, const Rows& up) override;
  void add(const Rows& x, const Rows& y) override;
  void gather(const Rows& x, std::span<const std::int64_t> rows, const Rows& out) override;

 private:
  void reserve_scratch(std::size_t floats);  // for every thread, before the work is shared out
  float* scratch(int thread);
  template <class Task>
  void for_each_row(const Rows& x, Task&& task);
  bool uses_integers(const MatrixView& w) const;
  void quantize(const Rows& x, std::initializer_list<Projection> projections);
  const IntegerRows* quantized_for(const MatrixView& w) const;
  static std::vector<AttentionArgs> attention_items(const Rows& q, const Batch& batch, const KvCache& cache,
                                                    const AttentionSpec& spec, const Rows& out);
  void attend_by_piece(std::span<const AttentionArgs> items);

  const Kernels& kernels_;
  ThreadPool pool_;
  int activation_bits_;
  std::vector<IntegerRows>
      quantized_;  // x of the product at hand, once for each format that its matrices ask for
  Buffer quantized_memory_;
  std::size_t quantized_bytes_ = 0;  // of quantized_memory_
  std::vector<Buffer> scratch_;      // one per thread
  std::size_t scratch_floats_ = 0;
  Buffer parts_;  // results of attention by pieces
  std::size_t parts_floats_ = 0;
};

}  // namespace tramontane
