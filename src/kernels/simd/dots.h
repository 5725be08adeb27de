#pragma once
#include <cstdint>

#include "kernels/simd/parts.h"
#include "kernels/simd/unroll.h"

// Dot products of rows with rows, the heart of both the linear layers and attention. Every product is summed
// in the same order whatever it is computed together with: lane i takes elements i, i + lanes, ... one after
// the other, then V::sum4 adds the lanes up.
namespace tramontane {
namespace {

/// RowBlock of floats, `stride` apart.
struct RowBlock {
  const float* data;
  std::int64_t stride;
  std::int64_t count;
};

/// sums[i] = sum of the lanes of acc[i], with room in sums for a multiple of 4.
template <class V, int count>
[[gnu::always_inline]] inline void sum_each(const V (&acc)[count], float* sums) {
  unroll<count / 4>([&](auto i) {
    constexpr int at = 4 * decltype(i)::value;
    V::sum4(acc[at], acc[at + 1], acc[at + 2], acc[at + 3], sums + at);
  });
  constexpr int done = count / 4 * 4;
  if constexpr (done < count) {
    V::sum4(acc[done], done + 1 < count ? acc[(done + 1) % count] : V::zero(),
            done + 2 < count ? acc[(done + 2) % count] : V::zero(), V::zero(), sums + done);
  }
}

/// sums[i * V::tile_cols + j] = x[i] . w[j] over k elements. w is padded with zeros to whole vectors, x need
/// not be.
template <class V, int rows>
void dot_tile(const float* x, std::int64_t x_stride, const float* const* w, std::int64_t k, float* sums) {
  constexpr int cols = V::tile_cols;
  V acc[rows * cols];
  unroll<rows * cols>([&](auto i) { acc[i.value] = V::zero(); });
  for_each_vector<V>(k, [&](std::int64_t at, auto part) __attribute__((always_inline)) {
    V a[rows];
    unroll<rows>([&](auto i) { a[i.value] = part.load(x + i.value * x_stride + at); });
    unroll<cols>([&](auto j) {
      const V b = V::load(w[j.value] + at);
      unroll<rows>([&](auto i) {
        V& sum = acc[i.value * cols + j.value];
        sum = V::fma(a[i.value], b, sum);
      });
    });
  });
  sum_each(acc, sums);
}

/// out[i * out_stride + j] = x[i] . w[j] over k elements, or += if `accumulate`.
struct DotsArgs {
  RowBlock x;
  RowBlock w;  // padded with zeros to whole vectors
  std::int64_t k;
  float* out;
  std::int64_t out_stride;
  bool accumulate;
};

template <class V, int rows>
void dots_of_rows(const DotsArgs& args, std::int64_t i, const float* const* w, std::int64_t j) {
  constexpr int cols = V::tile_cols;
  float sums[(rows * cols + 3) / 4 * 4];
  dot_tile<V, rows>(args.x.data + i * args.x.stride, args.x.stride, w, args.k, sums);
  const std::int64_t used = args.w.count - j < cols ? args.w.count - j : cols;
  for (int r = 0; r < rows; ++r) {
    float* out = args.out + (i + r) * args.out_stride + j;
    for (std::int64_t c = 0; c < used; ++c)
      out[c] = args.accumulate ? out[c] + sums[r * cols + c] : sums[r * cols + c];
  }
}

/// The last 1 .. most rows of x, fewer than a whole tile.
template <class V, int most>
void dots_of_rest(const DotsArgs& args, std::int64_t i, const float* const* w, std::int64_t j) {
  if constexpr (most > 0) {
    if (args.x.count - i == most) return dots_of_rows<V, most>(args, i, w, j);
    dots_of_rest<V, most - 1>(args, i, w, j);
  }
}

/// All products. A few rows of w stay in the first-level cache while x goes by.
template <class V>
void dots(const DotsArgs& args) {
  for (std::int64_t j = 0; j < args.w.count; j += V::tile_cols) {
    const float* w[V::tile_cols];
    for (int c = 0; c < V::tile_cols; ++c) {  // past the end the last row again, whose sums are dropped
      const std::int64_t row = j + c < args.w.count ? j + c : args.w.count - 1;
      w[c] = args.w.data + row * args.w.stride;
    }
    std::int64_t i = 0;
    for (; i + V::tile_rows <= args.x.count; i += V::tile_rows) dots_of_rows<V, V::tile_rows>(args, i, w, j);
    dots_of_rest<V, V::tile_rows - 1>(args, i, w, j);
  }
}

}  // namespace
}  // namespace tramontane
