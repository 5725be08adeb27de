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
constexpr std::size_t kPanelScratch =
    static_cast<std::size_t>(kPanelTiles * kTileFloats + kTileRows * kTileCols);

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
  using Outputs = typename Dots::Outputs;
  using Column = typename Packed<bits>::Column;
  static constexpr int planes = Column::word_planes;
  static constexpr int columns_per_sum = 32;  // more than a group has
  template <int plane>
  static __m256i plane_of(__m256i column) {
    return Column::template word_plane<plane>(column);
  }
  static Outputs dot(Outputs sum, Outputs w, Outputs x) {
    return Outputs::each([](auto... v) __attribute__((always_inline)) { return Dots::words(v...); }, sum, w,
                         x);
  }
  static Outputs widen(Outputs sum) { return sum; }
};

/// Or four bytes.
template <class Dots, int bits>
struct ByteLanes {
  using Outputs = typename Dots::Outputs;
  using Column = typename Packed<bits>::Column;
  static constexpr int planes = Column::byte_planes;
  static constexpr int columns_per_sum = Dots::byte_steps(bits) / planes;
  template <int plane>
  static __m256i plane_of(__m256i column) {
    return Column::template byte_plane<plane>(column);
  }
  static Outputs dot(Outputs sum, Outputs w, Outputs x) {
    return Outputs::each([](auto... v) __attribute__((always_inline)) { return Dots::bytes(v...); }, sum, w,
                         x);
  }
  static Outputs widen(Outputs sum) {
    return Outputs::each([](auto v) __attribute__((always_inline)) { return Dots::widen(v); }, sum);
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

/// Columns of k [begin, begin + size) of 8 rows to a half of the tile. `ahead` bytes further on lies what the
/// next panel will ask for: rows side by side are more than the hardware's prefetchers follow.
template <int bits, class Lanes>
void unpack_half(const MatrixView& w, const RowSet<8>& rows, std::int64_t begin, std::int64_t size, int half,
                 std::int64_t ahead, std::byte* lanes) {
  using Format = Packed<bits>;
  const std::byte* end = w.data + static_cast<std::size_t>(w.rows) * w.row_bytes();
  const std::int64_t first = begin * bits / 8;
  const std::int64_t bytes = size * bits / 8;
  std::byte* out = lanes + 32 * half;
  for (std::int64_t at = 0; at < bytes; at += Format::bytes) {
    __m256i r[8];
    unroll<8>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from = w.data + rows.row[i.value] * w.row_bytes() + first + at;
      _mm_prefetch(reinterpret_cast<const char*>(from) + ahead, _MM_HINT_T0);
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
void widen_half(const std::byte* scales, const MatrixView& w, const RowSet<8>& rows, std::int64_t begin,
                std::int64_t count, float* out) {
  for (std::int64_t g = 0; g < count; g += 8) {
    __m256i r[8];
    unroll<8>([&](auto i) __attribute__((always_inline)) {
      const std::size_t at = rows.row[i.value] * w.groups_per_row() + static_cast<std::size_t>(begin + g);
      const std::byte* from = scales + size_of(dtype) * at;
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
  const std::int64_t first = begin / w.quant.group_size;
  const std::int64_t groups = size / w.quant.group_size;
  const auto row_bytes = static_cast<std::int64_t>(w.row_bytes());
  const std::int64_t ahead =
      begin + size < w.cols ? size * bits / 8 : kPanelTiles * kTileCols * row_bytes - begin * bits / 8;
  for (int half = 0; half < 2; ++half) {
    const RowSet<8> rows(n + 8 * half, args.row_end);
    unpack_half<bits, Lanes>(w, rows, begin, size, half, ahead, tile.lanes);
    with_scales(w, [&]<DType dtype>(DTypeIndex<dtype>) {
      widen_half<dtype>(w.scales, w, rows, first, groups, tile.scales + 8 * half);
      widen_half<dtype>(w.biases, w, rows, first, groups, tile.biases + 8 * half);
    });
  }
}

/// Some rows of x and 16 outputs of a panel.
struct TileArgs {
  const std::byte* x;  // the first row, at the panel's first column of k
  std::int64_t x_stride;
  const float* scales_x;  // of the first row and the panel's first group
  const float* sums_x;
  std::int64_t groups_stride;  // between rows of those
  std::int64_t columns;        // of the panel in a group
  PanelTile w;
  float* y;  // [rows, 16]
};

/// Products of m_rows rows of x with 16 outputs, over the tile's columns [column, end).
template <class Lanes, int m_rows>
[[gnu::always_inline]] inline void sum_columns(const std::byte* x, std::int64_t x_stride, const std::byte* w,
                                               std::int64_t column, std::int64_t end,
                                               typename Lanes::Outputs (&sums)[m_rows]) {
  using Outputs = typename Lanes::Outputs;
  constexpr int planes = Lanes::planes;
  Outputs c[m_rows];
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) { c[m.value] = Outputs::zero(); });
  for (; column < end; ++column) {
    const std::byte* from = x + column / 8 * 32 * planes + column % 8 * 4;
    const std::byte* lanes = w + column * 64 * planes;
    unroll<planes>([&](auto plane) __attribute__((always_inline)) {
      const Outputs weights = Outputs::load(lanes + 64 * plane.value);
      unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
        std::int32_t lane;
        __builtin_memcpy(&lane, from + m.value * x_stride + 32 * plane.value, sizeof lane);
        c[m.value] = Lanes::dot(c[m.value], weights, Outputs::all(lane));
      });
    });
  }
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) { sums[m.value] = Lanes::widen(c[m.value]); });
}

/// y += the terms of group g of the panel.
template <class Lanes, int m_rows>
[[gnu::always_inline]] inline void add_group(const TileArgs& tile, std::int64_t g) {
  using Outputs = typename Lanes::Outputs;
  std::int64_t column = g * tile.columns;
  const std::int64_t end = column + tile.columns;
  Outputs sums[m_rows];
  if constexpr (Lanes::columns_per_sum >= 32) {
    sum_columns<Lanes>(tile.x, tile.x_stride, tile.w.lanes, column, end, sums);
  } else {
    const std::int64_t part = least(tile.columns, Lanes::columns_per_sum);
    sum_columns<Lanes>(tile.x, tile.x_stride, tile.w.lanes, column, column + part, sums);
    while ((column += part) < end) {
      Outputs more[m_rows];
      sum_columns<Lanes>(tile.x, tile.x_stride, tile.w.lanes, column, column + part, more);
      unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
        sums[m.value] = Outputs::add(sums[m.value], more[m.value]);
      });
    }
  }
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const std::int64_t row = m.value * tile.groups_stride + g;
    Outputs::add_terms(sums[m.value], tile.scales_x[row], tile.sums_x[row], tile.w.scales + g * kTileCols,
                       tile.w.biases + g * kTileCols, tile.y + m.value * kTileCols);
  });
}

/// A part of the product: columns of k [begin, begin + size), of rows of x from first_x on.
struct PartArgs {
  std::int64_t first_x;
  std::int64_t begin;
  std::int64_t size;
};

/// m_rows rows of x and outputs [n, n + count), continuing what args.y has of them.
template <class Lanes, int m_rows>
[[gnu::noinline]] void tile_products(const IntegerLinearArgs& args, const PartArgs& part, std::int64_t n,
                                     std::int64_t count, const PanelTile& w) {
  constexpr int per_column = Lanes::Column::weights / 8;
  constexpr int element_bytes = 4 * Lanes::planes / per_column;
  const IntegerRows& x = args.x;
  const std::int64_t group_size = x.spec.quant.group_size;
  const std::int64_t first_group = part.first_x * x.padded_groups() + part.begin / group_size;
  const std::int64_t first = part.first_x * x.row_bytes() + part.begin;
  const TileArgs tile{.x = reinterpret_cast<const std::byte*>(x.high) + first * element_bytes,
                      .x_stride = x.row_bytes() * element_bytes,
                      .scales_x = x.scales + first_group,
                      .sums_x = x.sums + first_group,
                      .groups_stride = x.padded_groups(),
                      .columns = group_size / per_column,
                      .w = w,
                      // Not a local array: that would compete for the registers.
                      .y = args.scratch + kPanelTiles * kTileFloats};
  const auto copied = static_cast<std::size_t>(count) * sizeof(float);
  float* out = args.y + part.first_x * args.y_stride + n;
  for (int m = 0; m < m_rows; ++m) {
    if (part.begin != 0) {
      __builtin_memcpy(tile.y + m * kTileCols, out + m * args.y_stride, copied);
    } else {
      __builtin_memset(tile.y + m * kTileCols, 0, kTileCols * sizeof(float));
    }
  }
  const std::int64_t groups = part.size / group_size;
  for (std::int64_t g = 0; g < groups; ++g) add_group<Lanes, m_rows>(tile, g);
  for (int m = 0; m < m_rows; ++m) __builtin_memcpy(out + m * args.y_stride, tile.y + m * kTileCols, copied);
}

/// All rows of x from first_x on in tiles of m_rows, the rest in smaller ones; 8 rows in two of 4, since a
/// tile of 2 loads as many registers as it multiplies.
template <class Lanes, int m_rows>
void panel_products(const IntegerLinearArgs& args, PartArgs part, std::int64_t n) {
  for (; part.first_x + m_rows <= args.x.rows; part.first_x += m_rows) {
    if (m_rows == 6 && args.x.rows - part.first_x == 8) break;
    for (std::int64_t t = 0; t < kPanelTiles && n + t * kTileCols < args.row_end; ++t) {
      const std::int64_t first = n + t * kTileCols;
      tile_products<Lanes, m_rows>(args, part, first, least(kTileCols, args.row_end - first),
                                   panel_tile(args.scratch, t));
    }
  }
  constexpr int smaller = m_rows == 6 ? 4 : m_rows / 2;
  if constexpr (m_rows > 1) panel_products<Lanes, smaller>(args, part, n);
}

template <int bits, class Lanes>
void linear_panels(const IntegerLinearArgs& args) {
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kPanelTiles * kTileCols) {
    for (std::int64_t begin = 0; begin < args.w.cols; begin += kPanelDepth) {
      const std::int64_t size = least(kPanelDepth, args.w.cols - begin);
      for (std::int64_t t = 0; t < kPanelTiles && n + t * kTileCols < args.row_end; ++t) {
        unpack_tile<bits, Lanes>(args, n + t * kTileCols, begin, size, panel_tile(args.scratch, t));
      }
      panel_products<Lanes, kTileRows>(args, {.first_x = 0, .begin = begin, .size = size}, n);
    }
  }
}

}  // namespace
}  // namespace tramontane
