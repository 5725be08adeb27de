#pragma once
#include "kernels/avx2/integer/direct.h"

// Many rows of x: rows of w become a panel of words or bytes that stays in the second-level cache while all
// rows of x pass over it, a few at a time, which stay in the first-level cache while the panel passes over
// them. An output is a lane.
namespace tramontane {
namespace {

constexpr std::int64_t kTileCols = 16;      // outputs whose sums are in registers,
constexpr int kTileRows = 6;                // and rows of x
constexpr std::int64_t kPanelTiles = 3;     // side by side
constexpr std::int64_t kPanelDepth = 1024;  // elements of k at a time
constexpr std::int64_t kPanelGroups = kPanelDepth / 32;
constexpr std::int64_t kTileFloats = kTileCols * (kPanelDepth / 2 + 2 * kPanelGroups);
constexpr std::size_t kPanelScratch = static_cast<std::size_t>(kPanelTiles * kTileFloats);

/// 16 outputs of a panel, in scratch: 32-bit lanes [column][plane][16 outputs], a column being a 32-bit lane
/// of packed weights, and scales and biases [group][16 outputs].
struct PanelTile {
  std::byte* lanes;
  float* scales;
  float* biases;
};

inline PanelTile panel_tile(float* scratch, std::int64_t tile) {
  float* at = scratch + tile * kTileFloats;
  float* scales = at + kTileCols * kPanelDepth / 2;
  return {.lanes = reinterpret_cast<std::byte*>(at),
          .scales = scales,
          .biases = scales + kTileCols * kPanelGroups};
}

/// What the lanes of a panel hold: two words each.
template <class Dots, int bits>
struct WordLanes {
  using Column = typename Packed<bits>::Column;
  static constexpr int planes = Column::word_planes;
  static constexpr int columns_per_sum = 32;  // more than a group has
  template <int plane>
  static __m256i plane_of(__m256i column) {
    return Column::template word_plane<plane>(column);
  }
  static __m256i dot(__m256i sum, __m256i w, __m256i x) { return Dots::words(sum, w, x); }
  static __m256i widen(__m256i sum) { return sum; }
};

/// Or four bytes.
template <class Dots, int bits>
struct ByteLanes {
  using Column = typename Packed<bits>::Column;
  static constexpr int planes = Column::byte_planes;
  static constexpr int columns_per_sum = Dots::byte_steps(bits) / planes;
  template <int plane>
  static __m256i plane_of(__m256i column) {
    return Column::template byte_plane<plane>(column);
  }
  static __m256i dot(__m256i sum, __m256i w, __m256i x) { return Dots::bytes(sum, w, x); }
  static __m256i widen(__m256i sum) { return Dots::widen(sum); }
};

/// Rows n, n + 1, ... n + 7 of the matrix; past `end` the last one again.
struct EightRows {
  std::size_t row[8];
  EightRows(std::int64_t n, std::int64_t end) {
    for (std::int64_t i = 0; i < 8; ++i) row[i] = static_cast<std::size_t>(n + i < end ? n + i : end - 1);
  }
};

/// A register of packed weights of which only the bytes before `end` may be read.
template <class Format>
__m256i load_before(const std::byte* at, const std::byte* end) {
  if (end - at >= Format::reads) return Format::load(at);
  alignas(32) std::byte some[Format::reads] = {};
  __builtin_memcpy(some, at, static_cast<std::size_t>(end - at));
  return Format::load(some);
}

/// Columns of k [begin, begin + size) of 8 rows to a half of the tile.
template <int bits, class Lanes>
void unpack_half(const MatrixView& w, const EightRows& rows, std::int64_t begin, std::int64_t size, int half,
                 std::byte* lanes) {
  using Format = Packed<bits>;
  const std::byte* end = w.data + static_cast<std::size_t>(w.rows) * w.row_bytes();
  const std::int64_t first = begin * bits / 8;
  const std::int64_t bytes = size * bits / 8;
  std::byte* out = lanes + 32 * half;
  for (std::int64_t at = 0; at < bytes; at += Format::bytes) {
    __m256i r[8];
    unroll<8>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from = w.data + rows.row[i.value] * w.row_bytes() + first + at;
      r[i.value] = Format::column(load_before<Format>(from, end));
    });
    transpose(r);
    unroll<8>([&](auto c) __attribute__((always_inline)) {
      unroll<Lanes::planes>([&](auto plane) __attribute__((always_inline)) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(out),
                           Lanes::template plane_of<plane.value>(r[c.value]));
        out += 64;
      });
    });
  }
}

/// Scales or biases of 8 rows, groups [begin, begin + count), to floats 16 apart.
template <DType dtype>
void widen_half(const std::byte* scales, const MatrixView& w, const EightRows& rows, std::int64_t begin,
                std::int64_t count, float* out) {
  for (std::int64_t g = 0; g < count; g += 8) {
    __m256i r[8];
    unroll<8>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from =
          scales + 2 * (rows.row[i.value] * w.groups_per_row() + static_cast<std::size_t>(begin + g));
      r[i.value] = _mm256_castps_si256(load_scales<dtype>(from, count - g));
    });
    transpose(r);
    for (std::int64_t i = 0; i < least(8, count - g); ++i) {
      _mm256_store_ps(out + (g + i) * kTileCols, _mm256_castsi256_ps(r[i]));
    }
  }
}

template <int bits, class Lanes>
void unpack_tile(const IntegerLinearArgs& args, std::int64_t n, std::int64_t begin, std::int64_t size,
                 const PanelTile& tile) {
  const MatrixView& w = args.w;
  const auto widen =
      w.scale_dtype == DType::float16 ? widen_half<DType::float16> : widen_half<DType::bfloat16>;
  const std::int64_t first = begin / w.quant.group_size;
  const std::int64_t groups = size / w.quant.group_size;
  for (int half = 0; half < 2; ++half) {
    const EightRows rows(n + 8 * half, args.row_end);
    unpack_half<bits, Lanes>(w, rows, begin, size, half, tile.lanes);
    widen(w.scales, w, rows, first, groups, tile.scales + 8 * half);
    widen(w.biases, w, rows, first, groups, tile.biases + 8 * half);
  }
}

/// m_rows rows of x and 16 outputs.
struct TileArgs {
  const IntegerRows* x;
  std::int64_t first_x;
  std::int64_t begin;  // the panel's first column of k
  std::int64_t size;
  PanelTile w;
};

/// Products of m_rows rows of x with 16 outputs, over the tile's columns [column, end).
template <class Lanes, int m_rows>
[[gnu::always_inline]] inline void sum_columns(const std::byte* x, std::int64_t x_stride, const std::byte* w,
                                               std::int64_t column, std::int64_t end,
                                               __m256i (&sums)[m_rows][2]) {
  constexpr int planes = Lanes::planes;
  __m256i c[m_rows][2];
  unroll<m_rows>(
      [&](auto m) __attribute__((always_inline)) { c[m.value][0] = c[m.value][1] = _mm256_setzero_si256(); });
  for (; column < end; ++column) {
    const std::byte* from = x + column / 8 * 32 * planes + column % 8 * 4;
    const auto* lanes = reinterpret_cast<const __m256i*>(w + column * 64 * planes);
    unroll<planes>([&](auto plane) __attribute__((always_inline)) {
      const __m256i w0 = _mm256_load_si256(lanes + 2 * plane.value);
      const __m256i w1 = _mm256_load_si256(lanes + 2 * plane.value + 1);
      unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
        std::int32_t lane;
        __builtin_memcpy(&lane, from + m.value * x_stride + 32 * plane.value, sizeof lane);
        const __m256i four = _mm256_set1_epi32(lane);
        c[m.value][0] = Lanes::dot(c[m.value][0], w0, four);
        c[m.value][1] = Lanes::dot(c[m.value][1], w1, four);
      });
    });
  }
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    sums[m.value][0] = Lanes::widen(c[m.value][0]);
    sums[m.value][1] = Lanes::widen(c[m.value][1]);
  });
}

/// y [m_rows, 16] += the terms of group g of the panel.
template <class Lanes, int m_rows>
[[gnu::always_inline]] inline void add_group(const TileArgs& args, const std::byte* x, std::int64_t x_stride,
                                             std::int64_t g, float* y) {
  constexpr int per_column = Lanes::Column::weights / 8;
  const IntegerRows& rows = *args.x;
  const std::int64_t columns = rows.spec.quant.group_size / per_column;
  std::int64_t column = g * columns;
  const std::int64_t end = column + columns;
  __m256i sums[m_rows][2];
  if constexpr (Lanes::columns_per_sum >= 32) {
    sum_columns<Lanes>(x, x_stride, args.w.lanes, column, end, sums);
  } else {
    const std::int64_t part = least(columns, Lanes::columns_per_sum);
    sum_columns<Lanes>(x, x_stride, args.w.lanes, column, column + part, sums);
    while ((column += part) < end) {
      __m256i more[m_rows][2];
      sum_columns<Lanes>(x, x_stride, args.w.lanes, column, column + part, more);
      unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
        sums[m.value][0] = _mm256_add_epi32(sums[m.value][0], more[m.value][0]);
        sums[m.value][1] = _mm256_add_epi32(sums[m.value][1], more[m.value][1]);
      });
    }
  }
  const std::int64_t first_group =
      args.first_x * rows.padded_groups() + args.begin / rows.spec.quant.group_size;
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const std::int64_t at = first_group + m.value * rows.padded_groups() + g;
    const __m256 scale_x = _mm256_broadcast_ss(rows.scales + at);
    const __m256 sum_x = _mm256_broadcast_ss(rows.sums + at);
    unroll<2>([&](auto half) __attribute__((always_inline)) {
      const std::int64_t lane = g * kTileCols + 8 * half.value;
      const __m256 term = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[m.value][half.value]),
                                          _mm256_mul_ps(scale_x, _mm256_load_ps(args.w.scales + lane)),
                                          _mm256_mul_ps(sum_x, _mm256_load_ps(args.w.biases + lane)));
      float* to = y + m.value * kTileCols + 8 * half.value;
      _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), term));
    });
  });
}

/// m_rows rows of x and outputs [n, n + count), continuing y.
template <class Lanes, int m_rows>
void tile_products(const IntegerLinearArgs& args, const TileArgs& tile, std::int64_t n, std::int64_t count) {
  constexpr int lane_elements = Lanes::Column::weights / 8 / Lanes::planes;
  constexpr int element_bytes = 4 / lane_elements;
  alignas(32) float y[m_rows * kTileCols] = {};
  const auto copied = static_cast<std::size_t>(count) * sizeof(float);
  float* out = args.y + tile.first_x * args.y_stride + n;
  if (tile.begin != 0) {
    for (int m = 0; m < m_rows; ++m) __builtin_memcpy(y + m * kTileCols, out + m * args.y_stride, copied);
  }
  const std::int64_t x_stride = args.x.row_bytes() * element_bytes;
  const std::byte* x =
      reinterpret_cast<const std::byte*>(args.x.high) + tile.first_x * x_stride + tile.begin * element_bytes;
  const std::int64_t groups = tile.size / args.x.spec.quant.group_size;
  for (std::int64_t g = 0; g < groups; ++g) add_group<Lanes, m_rows>(tile, x, x_stride, g, y);
  for (int m = 0; m < m_rows; ++m) __builtin_memcpy(out + m * args.y_stride, y + m * kTileCols, copied);
}

/// All rows of x from first_x on in tiles of m_rows, the rest in smaller ones.
template <class Lanes, int m_rows>
void panel_products(const IntegerLinearArgs& args, TileArgs tile, std::int64_t n) {
  for (; tile.first_x + m_rows <= args.x.rows; tile.first_x += m_rows) {
    for (std::int64_t t = 0; t < kPanelTiles && n + t * kTileCols < args.row_end; ++t) {
      const std::int64_t first = n + t * kTileCols;
      tile.w = panel_tile(args.scratch, t);
      tile_products<Lanes, m_rows>(args, tile, first, least(kTileCols, args.row_end - first));
    }
  }
  constexpr int smaller = m_rows == 6 ? 4 : m_rows / 2;
  if constexpr (m_rows > 1) panel_products<Lanes, smaller>(args, tile, n);
}

template <int bits, class Lanes>
void linear_panels(const IntegerLinearArgs& args) {
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kPanelTiles * kTileCols) {
    for (std::int64_t begin = 0; begin < args.w.cols; begin += kPanelDepth) {
      const std::int64_t size = least(kPanelDepth, args.w.cols - begin);
      for (std::int64_t t = 0; t < kPanelTiles && n + t * kTileCols < args.row_end; ++t) {
        unpack_tile<bits, Lanes>(args, n + t * kTileCols, begin, size, panel_tile(args.scratch, t));
      }
      panel_products<Lanes, kTileRows>(
          args, {.x = &args.x, .first_x = 0, .begin = begin, .size = size, .w = {}}, n);
    }
  }
}

}  // namespace
}  // namespace tramontane
