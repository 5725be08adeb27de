#pragma once
#include <atomic>
#include <cstddef>
#include <limits>

#include "core/fail.h"
#include "model/cpu_backend.h"

namespace tramontane::testing {

/// The CPU's backend, able to fail and to interrupt where a test wants it to.
class TestBackend : public Backend {
 public:
  explicit TestBackend(int threads, int activation_bits = 16)
      : cpu_(choose_kernels(), threads, activation_bits) {}

  std::size_t most_bytes = std::numeric_limits<std::size_t>::max();  // of one allocation
  int attended_layers = 0;                                           // so far
  int interrupt_after = 0;                                           // attended layers; 0: never
  std::atomic<bool> interrupt{false};

  Buffer allocate(std::size_t bytes) override {
    if (bytes > most_bytes) fail("not enough memory: cannot allocate {} bytes", bytes);
    return cpu_.allocate(bytes);
  }
  void attention(const Rows& q, const Batch& batch, const KvCache& cache, const AttentionSpec& spec,
                 const Rows& out) override {
    cpu_.attention(q, batch, cache, spec, out);
    if (++attended_layers == interrupt_after) interrupt = true;
  }

  void embed(std::span<const TokenId> tokens, const MatrixView& w, const Rows& out) override {
    cpu_.embed(tokens, w, out);
  }
  void rms_norm(const Rows& x, std::span<const float> weight, float eps, const Rows& out) override {
    cpu_.rms_norm(x, weight, eps, out);
  }
  void linear(const Rows& x, std::initializer_list<Projection> projections) override {
    cpu_.linear(x, projections);
  }
  void rope(const Rows& q, const Rows& k, const Rotations& rotations) override { cpu_.rope(q, k, rotations); }
  void store(const Rows& k, const Rows& v, const Batch& batch, KvCache& cache, int layer) override {
    cpu_.store(k, v, batch, cache, layer);
  }
  void silu_mul(const Rows& gate, const Rows& up) override { cpu_.silu_mul(gate, up); }
  void add(const Rows& x, const Rows& y) override { cpu_.add(x, y); }
  void gather(const Rows& x, std::span<const std::int64_t> rows, const Rows& out) override {
    cpu_.gather(x, rows, out);
  }

 private:
  CpuBackend cpu_;
};

}  // namespace tramontane::testing
