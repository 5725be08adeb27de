#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/simd/dots.h"
#include "kernels/simd/formats.h"

// y = x w^T in two ways with the same bits: columns are taken in blocks of kBlock, each block is summed as
// dots.h says, and the blocks' sums are added in order.
namespace tramontane {
namespace {

constexpr std::int64_t kPanelRows = 48;  // of w decoded at a time: 192 KiB, in the second-level cache
constexpr std::int64_t kChunkRows = 64;  // of x multiplied with a panel before the next: 256 KiB of a block
constexpr std::size_t kLinearScratch = static_cast<std::size_t>(kPanelRows * kBlock);

/// Few rows of x: weights go from the checkpoint's bytes through registers into the products.
template <class V, class Format, int m_rows>
void linear_direct(const LinearArgs& args) {
  constexpr int count = Format::template direct_cols<V, m_rows>;
  const std::int64_t cols = args.w.cols;
  for (std::int64_t n = args.row_begin; n < args.row_end; n += count) {
    const RowSet<count> rows(n, args.row_end);
    float total[m_rows * count] = {};
    for (std::int64_t begin = 0; begin < cols; begin += kBlock) {
      const std::int64_t size = least(kBlock, cols - begin);
      V acc[m_rows * count];
      unroll<m_rows * count>([&](auto i) { acc[i.value] = V::zero(); });
      const std::size_t ahead = bytes_ahead<count>(args.w, begin, size);
      const auto add = [&](std::int64_t k, const V* weights, auto part) __attribute__((always_inline)) {
        const float* x = args.x + begin + k;
        unroll<m_rows>([&](auto m) {
          const V a = part.load(x + m.value * cols);
          unroll<count>([&](auto r) {
            V& sum = acc[m.value * count + r.value];
            sum = V::fma(a, weights[r.value], sum);
          });
        });
      };
      Format::template decode<V>(args.w, rows, begin, size, ahead, add);
      float sums[(m_rows * count + 3) / 4 * 4];
      sum_each(acc, sums);
      for (int i = 0; i < m_rows * count; ++i) total[i] = begin == 0 ? sums[i] : total[i] + sums[i];
    }
    for (int m = 0; m < m_rows; ++m) {
      for (std::int64_t r = 0; r < least(count, args.row_end - n); ++r) {
        args.y[m * args.y_stride + n + r] = total[m * count + r];
      }
    }
  }
}

/// Rows [first, first + count) of w, columns [begin, begin + size), as floats kBlock apart, padded with
/// zeros.
template <class V, class Format>
void decode_panel(const MatrixView& w, std::int64_t first, std::int64_t count, std::int64_t begin,
                  std::int64_t size, float* panel) {
  for (std::int64_t r = 0; r < count; ++r) {
    float* out = panel + r * kBlock;
    // The next row of the panel is next.
    Format::template decode<V>(w, RowSet<1>(first + r, first + count), begin, size, w.row_bytes(),
                               [out](std::int64_t k, const V* weights, auto) { weights[0].store(out + k); });
  }
}

/// Many rows of x: a panel of weights is decoded once for all of them.
template <class V, class Format>
void linear_panels(const LinearArgs& args) {
  const std::int64_t cols = args.w.cols;
  // While all of x fits beside it, a panel is as small as a tile and stays in the first-level cache.
  const std::int64_t panel_rows = args.m_rows <= kChunkRows ? V::tile_cols : kPanelRows;
  for (std::int64_t n = args.row_begin; n < args.row_end; n += panel_rows) {
    const std::int64_t count = least(panel_rows, args.row_end - n);
    for (std::int64_t begin = 0; begin < cols; begin += kBlock) {
      const std::int64_t size = least(kBlock, cols - begin);
      decode_panel<V, Format>(args.w, n, count, begin, size, args.scratch);
      for (std::int64_t m = 0; m < args.m_rows; m += kChunkRows) {
        dots<V>({.x = {args.x + m * cols + begin, cols, least(kChunkRows, args.m_rows - m)},
                 .w = {args.scratch, kBlock, count},
                 .k = size,
                 .out = args.y + m * args.y_stride + n,
                 .out_stride = args.y_stride,
                 .accumulate = begin != 0});
      }
    }
  }
}

/// linear_direct<V, Format, args.m_rows> for 1 .. most rows.
template <class V, class Format, int most>
void linear_direct_up_to(const LinearArgs& args) {
  if constexpr (most > 0) {
    if (args.m_rows == most) return linear_direct<V, Format, most>(args);
    linear_direct_up_to<V, Format, most - 1>(args);
  }
}

/// A few times direct_rows of x, taken in turn for some rows of w while those are in the caches.
template <class V, class Format>
void linear_few(const LinearArgs& args) {
  constexpr std::int64_t rows_in_turn = 16;
  LinearArgs some = args;
  for (std::int64_t n = args.row_begin; n < args.row_end; n += rows_in_turn) {
    some.row_begin = n;
    some.row_end = least(n + rows_in_turn, args.row_end);
    for (std::int64_t m = 0; m < args.m_rows; m += V::direct_rows) {
      some.x = args.x + m * args.w.cols;
      some.y = args.y + m * args.y_stride;
      some.m_rows = least(V::direct_rows, args.m_rows - m);
      linear_direct_up_to<V, Format, V::direct_rows>(some);
    }
  }
}

template <class V>
void linear(const LinearArgs& args) {
  with_format(args.w, [&](auto format) {
    using Format = decltype(format);
    if (args.m_rows <= V::direct_limit) {
      linear_few<V, Format>(args);
    } else {
      linear_panels<V, Format>(args);
    }
  });
}

}  // namespace
}  // namespace tramontane
