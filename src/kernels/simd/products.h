#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/simd/parts.h"
#include "kernels/simd/unroll.h"
#include "tramontane/dtype.h"

// Products of small matrices, the two halves of attention: queries with keys and weights with values. Outputs
// are lanes, and each is a single sum in order of k, whatever it is computed together with.
namespace tramontane {
namespace {

constexpr int kLineBytes = 64;  // of a cache line

/// c[i, j] += sum over k of a[i, k] * b[k, j]; with `fresh`, c starts at zero.
struct Product {
  const float* a = nullptr;  // [rows, depth]
  std::int64_t a_stride = 0;
  std::int64_t rows = 0;
  const std::byte* b = nullptr;  // [depth, columns], columns in whole vectors
  DType b_dtype = DType::float32;
  std::int64_t b_stride = 0;  // elements
  std::int64_t depth = 0;
  std::int64_t columns = 0;
  float* c = nullptr;  // [rows, columns]
  std::int64_t c_stride = 0;
  bool fresh = false;
  std::ptrdiff_t ahead = 0;  // from b, in bytes: what to fetch from memory meanwhile; 0: nothing
};

template <class V, DType dtype, bool fetch, int rows, int vectors>
void multiply_tile(const Product& p, std::int64_t row, std::int64_t column) {
  constexpr auto size = static_cast<std::int64_t>(size_of(dtype));
  V acc[rows * vectors];
  float* c = p.c + row * p.c_stride + column;
  if (p.fresh) {
    unroll<rows * vectors>([&](auto i) { acc[i.value] = V::zero(); });
  } else {
    unroll<rows * vectors>([&](auto i) {
      acc[i.value] = V::load(c + i.value / vectors * p.c_stride + i.value % vectors * V::lanes);
    });
  }
  const float* a = p.a + row * p.a_stride;
  const std::byte* b = p.b + column * size;
  for (std::int64_t k = 0; k < p.depth; ++k, b += p.b_stride * size) {
    V part[vectors];
    unroll<vectors>([&](auto j) { part[j.value] = V::template load<dtype>(b + j.value * V::lanes * size); });
    if constexpr (fetch) {
      constexpr int lines = (vectors * V::lanes * size + kLineBytes - 1) / kLineBytes;
      unroll<lines>([&](auto j) { __builtin_prefetch(b + p.ahead + j.value * kLineBytes, 0, 2); });
    }
    unroll<rows>([&](auto i) {
      const V factor = V::set(a[i.value * p.a_stride + k]);
      unroll<vectors>([&](auto j) {
        V& sum = acc[i.value * vectors + j.value];
        sum = V::fma(factor, part[j.value], sum);
      });
    });
  }
  unroll<rows * vectors>(
      [&](auto i) { acc[i.value].store(c + i.value / vectors * p.c_stride + i.value % vectors * V::lanes); });
}

/// One or more vectors of columns, for all rows.
template <class V, DType dtype, bool fetch, int vectors>
void multiply_columns(const Product& p, std::int64_t column) {
  std::int64_t row = 0;
  for (; row + V::product_rows <= p.rows; row += V::product_rows)
    multiply_tile<V, dtype, fetch, V::product_rows, vectors>(p, row, column);
  for (; row < p.rows; ++row) multiply_tile<V, dtype, fetch, 1, vectors>(p, row, column);
}

template <class V, DType dtype, bool fetch>
void multiply_as(const Product& p) {
  constexpr std::int64_t step = V::product_vectors * V::lanes;
  std::int64_t column = 0;
  for (; column + step <= p.columns; column += step)
    multiply_columns<V, dtype, fetch, V::product_vectors>(p, column);
  for (; column < p.columns; column += V::lanes) multiply_columns<V, dtype, fetch, 1>(p, column);
}

template <class V, DType dtype>
void multiply_as(const Product& p) {
  p.ahead == 0 ? multiply_as<V, dtype, false>(p) : multiply_as<V, dtype, true>(p);
}

template <class V>
void multiply(const Product& p) {
  if (p.b_dtype == DType::float16) return multiply_as<V, DType::float16>(p);
  if (p.b_dtype == DType::int8) return multiply_as<V, DType::int8>(p);
  multiply_as<V, DType::float32>(p);
}

}  // namespace
}  // namespace tramontane
