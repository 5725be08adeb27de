#pragma once
#include "kernels/avx512vnni/terms.h"

// Many rows of x: 32 rows of w become a panel of bytes, four elements of 32 outputs side by side, that stays
// in the second-level cache while all rows of x pass over it; an output is a lane.
namespace tramontane {
namespace {

constexpr std::int64_t kPanelCols = 32;     // outputs
constexpr std::int64_t kPanelDepth = 4096;  // elements of k at a time: 128 KiB of bytes
constexpr std::int64_t kPanelGroups = kPanelDepth / 32;
constexpr std::size_t kPanelScratch =
    static_cast<std::size_t>(kPanelCols * (kPanelDepth / 4 + 2 * kPanelGroups));

/// In scratch. Bytes [k / 4 / planes][plane][half][16 outputs][4], scales and biases [group][32 outputs].
struct Panel {
  std::uint8_t* bytes;
  float* scales;
  float* biases;
};

inline Panel panel_in(float* scratch) {
  return {.bytes = reinterpret_cast<std::uint8_t*>(scratch),
          .scales = scratch + kPanelCols * kPanelDepth / 4,
          .biases = scratch + kPanelCols * (kPanelDepth / 4 + kPanelGroups)};
}

/// Rows n, n + 1, ... n + 15 of the matrix; past `end` the last one again.
struct SixteenRows {
  std::size_t row[16];
  SixteenRows(std::int64_t n, std::int64_t end) {
    for (std::int64_t i = 0; i < 16; ++i) row[i] = static_cast<std::size_t>(n + i < end ? n + i : end - 1);
  }
};

/// Columns [begin, begin + size) of 16 rows to the panel's half.
template <int bits>
void unpack_half(const MatrixView& w, const SixteenRows& rows, std::int64_t begin, std::int64_t size,
                 int half, const Panel& panel) {
  using Format = Packed<bits>;
  const std::int64_t first = begin * bits / 8;
  const std::int64_t bytes = size * bits / 8;
  // A register of packed weights is 16 columns of the transposed tile, `planes` registers of the panel each.
  std::uint8_t* out = panel.bytes + 64 * half;
  for (std::int64_t at = 0; at < bytes; at += Format::bytes) {
    __m512i r[16];
    const std::int64_t left = bytes - at;
    unroll<16>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from = w.data + rows.row[i.value] * w.row_bytes() + first + at;
      r[i.value] = Format::load(from, left);
    });
    transpose(r);
    unroll<16>([&](auto c) __attribute__((always_inline)) {
      unroll<Format::planes>([&](auto plane) __attribute__((always_inline)) {
        _mm512_store_si512(out, Format::template plane_of<plane.value>(r[c.value]));
        out += 128;
      });
    });
  }
}

/// Scales or biases of 16 rows, groups [begin, begin + count), to floats 32 apart.
inline void widen_half(const std::byte* scales, const MatrixView& w, const SixteenRows& rows,
                       std::int64_t begin, std::int64_t count, float* out) {
  for (std::int64_t g = 0; g < count; g += 16) {
    __m512i r[16];
    unroll<16>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from =
          scales + 2 * (rows.row[i.value] * w.groups_per_row() + static_cast<std::size_t>(begin + g));
      r[i.value] = _mm512_castps_si512(load_scales(from, w.scale_dtype, count - g));
    });
    transpose(r);
    for (std::int64_t i = 0; i < least(16, count - g); ++i) {
      _mm512_store_ps(out + (g + i) * kPanelCols, _mm512_castsi512_ps(r[i]));
    }
  }
}

/// A tile of m_rows rows of x and the panel's 32 outputs.
struct TileArgs {
  const IntegerRows* x;
  std::int64_t first_x;
  std::int64_t begin;  // the first column of the panel
  std::int64_t size;
  Panel panel;
  float* sums;  // [m_rows, 32], continued
};

/// sums += the terms of group g of the panel.
template <int planes, int limbs, int m_rows>
[[gnu::always_inline]] inline void add_group(const TileArgs& args, std::int64_t g) {
  constexpr int block = 64 * planes;  // elements of a block of x
  constexpr int q_rows = m_rows * limbs;
  const IntegerRows& x = *args.x;
  const int group_size = x.spec.quant.group_size;
  const std::int64_t k = args.begin + g * group_size;
  const std::uint8_t* w = args.panel.bytes + g * group_size * kPanelCols;
  const std::int64_t stride = x.row_bytes();
  const std::int64_t first = args.first_x * stride + k / block * block + k % block / planes;
  const std::int8_t* q[2] = {x.high + first, limbs == 2 ? x.low + first : nullptr};
  __m512i c[q_rows][2];
  unroll<q_rows>(
      [&](auto r) __attribute__((always_inline)) { c[r.value][0] = c[r.value][1] = _mm512_setzero_si512(); });
  // One plane lies in order of k, whatever its blocks; with more planes a group is never longer than a block.
  for (std::int64_t at = 0; at < group_size / planes; at += 4) {
    unroll<planes>([&](auto plane) __attribute__((always_inline)) {
      const __m512i w0 = _mm512_load_si512(w);
      const __m512i w1 = _mm512_load_si512(w + 64);
      w += 128;
      unroll<q_rows>([&](auto r) __attribute__((always_inline)) {
        const std::int8_t* from = q[r.value % limbs] + r.value / limbs * stride + 64 * plane.value + at;
        std::int32_t bytes;
        __builtin_memcpy(&bytes, from, sizeof bytes);
        const __m512i four = _mm512_set1_epi32(bytes);
        c[r.value][0] = _mm512_dpbusd_epi32(c[r.value][0], w0, four);
        c[r.value][1] = _mm512_dpbusd_epi32(c[r.value][1], w1, four);
      });
    });
  }
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const std::int64_t at = (args.first_x + m.value) * x.padded_groups() + k / group_size;
    const __m512 scale_x = _mm512_set1_ps(x.scales[at]);
    const __m512 sum_x = _mm512_set1_ps(x.sums[at]);
    unroll<2>([&](auto half) __attribute__((always_inline)) {
      const __m512i high = c[m.value * limbs][half.value];
      const __m512i sum = limbs == 2 ? _mm512_add_epi32(_mm512_slli_epi32(high, 8),
                                                        c[m.value * limbs + limbs - 1][half.value])
                                     : high;
      const std::int64_t lane = g * kPanelCols + 16 * half.value;
      const __m512 term = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum),
                                          _mm512_mul_ps(scale_x, _mm512_load_ps(args.panel.scales + lane)),
                                          _mm512_mul_ps(sum_x, _mm512_load_ps(args.panel.biases + lane)));
      float* to = args.sums + m.value * kPanelCols + 16 * half.value;
      _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), term));
    });
  });
}

/// Continues y[first_x + m, n ...] over the panel's columns.
template <int planes, int limbs, int m_rows>
void panel_tile(const IntegerLinearArgs& args, TileArgs tile, std::int64_t n) {
  alignas(64) float sums[m_rows * kPanelCols] = {};
  const std::int64_t count = least(kPanelCols, args.row_end - n);
  for (int m = 0; m < m_rows && tile.begin > 0; ++m) {
    __builtin_memcpy(sums + m * kPanelCols, args.y + (tile.first_x + m) * args.y_stride + n,
                     static_cast<std::size_t>(count) * sizeof(float));
  }
  tile.sums = sums;
  const std::int64_t groups = tile.size / args.w.quant.group_size;
  for (std::int64_t g = 0; g < groups; ++g) add_group<planes, limbs, m_rows>(tile, g);
  for (int m = 0; m < m_rows; ++m) {
    __builtin_memcpy(args.y + (tile.first_x + m) * args.y_stride + n, sums + m * kPanelCols,
                     static_cast<std::size_t>(count) * sizeof(float));
  }
}

/// All rows of x from `m` on in tiles of m_rows, the rest in smaller ones.
template <int planes, int limbs, int m_rows>
void panel_tiles(const IntegerLinearArgs& args, TileArgs tile, std::int64_t n) {
  for (; tile.first_x + m_rows <= args.x.rows; tile.first_x += m_rows) {
    panel_tile<planes, limbs, m_rows>(args, tile, n);
  }
  constexpr int smaller = m_rows == 12 ? 8 : m_rows == 6 ? 4 : m_rows / 2;
  if constexpr (m_rows > 1) panel_tiles<planes, limbs, smaller>(args, tile, n);
}

template <int bits, int limbs>
void linear_panels(const IntegerLinearArgs& args) {
  const Panel panel = panel_in(args.scratch);
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kPanelCols) {
    for (std::int64_t begin = 0; begin < args.w.cols; begin += kPanelDepth) {
      const std::int64_t size = least(kPanelDepth, args.w.cols - begin);
      for (int half = 0; half < 2; ++half) {
        const SixteenRows rows(n + 16 * half, args.row_end);
        unpack_half<bits>(args.w, rows, begin, size, half, panel);
        const std::int64_t groups = size / args.w.quant.group_size;
        widen_half(args.w.scales, args.w, rows, begin / args.w.quant.group_size, groups,
                   panel.scales + 16 * half);
        widen_half(args.w.biases, args.w, rows, begin / args.w.quant.group_size, groups,
                   panel.biases + 16 * half);
      }
      const TileArgs tile{
          .x = &args.x, .first_x = 0, .begin = begin, .size = size, .panel = panel, .sums = nullptr};
      panel_tiles<Packed<bits>::planes, limbs, 12 / limbs>(args, tile, n);
    }
  }
}

}  // namespace
}  // namespace tramontane
