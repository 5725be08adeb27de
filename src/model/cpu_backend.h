#pragma once
#include <vector>

#include "core/thread_pool.h"
#include "kernels/kernels.h"
#include "model/backend.h"

namespace tramontane {

/// Runs the operations on a thread pool with one table of kernels. Owns neither weights nor cache.
class CpuBackend final : public Backend {
 public:
  /// The kernels must outlive this (they are static).
  CpuBackend(const Kernels& kernels, int threads);

  const Kernels& kernels() const { return kernels_; }
  int threads() const { return pool_.size(); }

  Buffer allocate(std::size_t bytes) override { return allocate_host(bytes); }
  void embed(std::span<const TokenId> tokens, const MatrixView& w, const Rows& out) override;
  void rms_norm(const Rows& x, std::span<const float> weight, float eps, const Rows& out) override;
  void linear(const Rows& x, const MatrixView& w, const Rows& out) override;
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

  const Kernels& kernels_;
  ThreadPool pool_;
  std::vector<Buffer> scratch_;  // one per thread
  std::size_t scratch_floats_ = 0;
};

}  // namespace tramontane
