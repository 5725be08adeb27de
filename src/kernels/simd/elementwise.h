#pragma once
#include <cstdint>

#include "kernels/simd/math.h"
#include "kernels/simd/parts.h"
#include "tramontane/dtype.h"
#include "tramontane/model_args.h"

namespace tramontane {
namespace {

template <class V>
void rms_norm(const float* x, const float* weight, float eps, std::int64_t n, float* y) {
  V squares = V::zero();
  for_each_vector<V>(n, [&](std::int64_t i, auto part) {
    const V v = part.load(x + i);
    squares = V::fma(v, v, squares);
  });
  const float mean = sum(squares) / static_cast<float>(n);
  const V factor = V::set(1 / __builtin_sqrtf(mean + eps));
  for_each_vector<V>(n, [&](std::int64_t i, auto part) {
    part.store(part.load(x + i) * factor * part.load(weight + i), y + i);
  });
}

template <class V>
void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) {
  const V one = V::set(1);
  for_each_vector<V>(n, [&](std::int64_t i, auto part) {
    const V g = part.load(gate + i);
    part.store(g / (one + exp(V::zero() - g)) * part.load(up + i), out + i);
  });
}

template <class V>
void add(float* x, const float* y, std::int64_t n) {
  for_each_vector<V>(
      n, [&](std::int64_t i, auto part) { part.store(part.load(x + i) + part.load(y + i), x + i); });
}

/// Rotates the pairs (x[i * step], x[i * step + apart]). Plain code: the compiler vectorises it.
inline void rotate_pairs(float* x, int pairs, std::ptrdiff_t step, std::ptrdiff_t apart, const float* cos,
                         const float* sin) {
  for (int i = 0; i < pairs; ++i) {
    const float a = x[i * step];
    const float b = x[i * step + apart];
    x[i * step] = a * cos[i] - b * sin[i];
    x[i * step + apart] = a * sin[i] + b * cos[i];
  }
}

inline void rope(float* x, int n_heads, int head_dim, const float* cos, const float* sin, RopeLayout layout) {
  const int pairs = head_dim / 2;
  for (int head = 0; head < n_heads; ++head, x += head_dim) {
    if (layout == RopeLayout::interleaved) {
      rotate_pairs(x, pairs, 2, 1, cos, sin);
    } else {
      rotate_pairs(x, pairs, 1, pairs, cos, sin);
    }
  }
}

}  // namespace
}  // namespace tramontane
