#pragma once
#include "kernels/avx512vnni/terms.h"

// Many rows of x: 32 rows of w become a panel, four bytes of each of 32 outputs side by side, that stays
// in the second-level cache while all rows of x pass over it; an output is a lane.
namespace tramontane {
namespace {

constexpr std::int64_t kPanelCols = 32;     // outputs
constexpr std::int64_t kPanelDepth = 4096;  // elements of k at a time: 128 KiB of bytes
constexpr std::int64_t kPanelGroups = kPanelDepth / 32;
constexpr std::int64_t kMostTileRows = most_tile_rows(1);
constexpr std::size_t kPanelScratch =
    static_cast<std::size_t>(kPanelCols * (kPanelDepth / 4 + 2 * kPanelGroups + kMostTileRows));

/// In scratch. Packed weights [k / 4 / planes][half][16 outputs][4 bytes of planes], scales and biases
/// [group][32 outputs], and a tile's sums [row][32 outputs].
struct Panel {
  std::uint8_t* weights;
  float* scales;
  float* biases;
  float* sums;
};

inline Panel panel_in(float* scratch) {
  return {.weights = reinterpret_cast<std::uint8_t*>(scratch),
          .scales = scratch + kPanelCols * kPanelDepth / 4,
          .biases = scratch + kPanelCols * (kPanelDepth / 4 + kPanelGroups),
          .sums = scratch + kPanelCols * (kPanelDepth / 4 + 2 * kPanelGroups)};
}

/// Asks the second-level cache for what the next panel is made of, a little at a time while this one is
/// multiplied: memory and arithmetic then work at once.
class NextPanel {
 public:
  /// Groups [first_group, first_group + groups) of 32 rows from n on, `rows_end` being the last one's end, to
  /// be fetched in `turns` calls of fetch_some.
  NextPanel(const MatrixView& w, std::int64_t n, std::int64_t rows_end, std::int64_t first_group,
            std::int64_t groups, std::int64_t turns)
      : w_(w), row_(n), end_(least(n + kPanelCols, rows_end)), first_group_(first_group) {
    const std::int64_t bytes = groups * w.quant.group_size * w.quant.bits / 8;
    lines_ = (bytes + 126) / 64;  // wherever in a line they begin
    scale_lines_ = (static_cast<std::int64_t>(size_of(w.scale_dtype)) * groups + 126) / 64;
    const std::int64_t total = (end_ - row_) * lines_;
    per_turn_ = turns > 0 ? (total + turns - 1) / turns : total;
    start_row();
  }

  void fetch_some() {
    for (std::int64_t i = 0; i < per_turn_ && row_ < end_; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(at_ + 64 * line_), _MM_HINT_T1);
      if (++line_ == lines_) {
        ++row_;
        start_row();
      }
    }
  }

 private:
  void start_row() {
    if (row_ >= end_) return;
    const auto row = static_cast<std::size_t>(row_);
    const auto group = static_cast<std::size_t>(first_group_);
    at_ = w_.data + row * w_.row_bytes() +
          group * static_cast<std::size_t>(w_.quant.group_size * w_.quant.bits / 8);
    line_ = 0;
    const std::size_t scale = size_of(w_.scale_dtype) * (row * w_.groups_per_row() + group);
    for (std::int64_t i = 0; i < scale_lines_; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(w_.scales + scale + 64 * i), _MM_HINT_T1);
      _mm_prefetch(reinterpret_cast<const char*>(w_.biases + scale + 64 * i), _MM_HINT_T1);
    }
  }

  const MatrixView& w_;
  std::int64_t row_;
  std::int64_t end_;
  std::int64_t first_group_;
  std::int64_t lines_;
  std::int64_t scale_lines_;
  std::int64_t per_turn_;
  const std::byte* at_ = nullptr;
  std::int64_t line_ = 0;
};

/// Columns [begin, begin + size) of 16 rows to the panel's half.
template <int bits>
void unpack_half(const MatrixView& w, const RowSet<16>& rows, std::int64_t begin, std::int64_t size, int half,
                 const Panel& panel) {
  using Format = Packed<bits>;
  const std::int64_t first = begin * bits / 8;
  const std::int64_t bytes = size * bits / 8;
  // A register of packed weights is 16 columns of the transposed tile, a register of the panel each.
  std::uint8_t* out = panel.weights + 64 * half;
  for (std::int64_t at = 0; at < bytes; at += Format::bytes) {
    __m512i r[16];
    const std::int64_t left = bytes - at;
    unroll<16>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from = w.data + rows.row[i.value] * w.row_bytes() + first + at;
      r[i.value] = Format::load(from, left);
    });
    transpose(r);
    unroll<16>([&](auto c) __attribute__((always_inline)) {
      _mm512_store_si512(out, r[c.value]);
      out += 128;
    });
  }
}

/// The low 16 bits of each lane as a float.
inline __m512 widen_low(__m512i lanes, DType dtype) {
  if (dtype == DType::float16) return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(lanes));
  return _mm512_castsi512_ps(_mm512_slli_epi32(lanes, 16));
}

/// Scales or biases of 16 rows, groups [begin, begin + count), to floats 32 apart. From float32:
inline void widen_floats(const std::byte* scales, const MatrixView& w, const RowSet<16>& rows,
                         std::int64_t begin, std::int64_t count, float* out) {
  for (std::int64_t g = 0; g < count; g += 16) {
    __m512i r[16];
    unroll<16>([&](auto i) __attribute__((always_inline)) {
      const std::size_t at = rows.row[i.value] * w.groups_per_row() + static_cast<std::size_t>(begin + g);
      r[i.value] = _mm512_castps_si512(load_scales(scales + 4 * at, DType::float32, count - g));
    });
    transpose(r);
    for (std::int64_t i = 0; i < least(16, count - g); ++i, out += kPanelCols) _mm512_store_si512(out, r[i]);
  }
}

/// From 16 bits.
inline void widen_halves(const std::byte* scales, const MatrixView& w, const RowSet<16>& rows,
                         std::int64_t begin, std::int64_t count, float* out) {
  constexpr std::int64_t kStep = 32;  // groups in a register of 16 bits each; transposed in pairs
  for (std::int64_t g = 0; g < count; g += kStep) {
    const std::int64_t used = least(kStep, count - g);
    const auto mask = static_cast<__mmask32>(0xffffffffU >> (kStep - used));
    __m512i r[16];
    unroll<16>([&](auto i) __attribute__((always_inline)) {
      const std::byte* from =
          scales + 2 * (rows.row[i.value] * w.groups_per_row() + static_cast<std::size_t>(begin + g));
      r[i.value] = _mm512_maskz_loadu_epi16(mask, from);
    });
    transpose(r);
    for (std::int64_t i = 0; i < used; ++i, out += kPanelCols) {
      const __m512i lanes = i % 2 == 0 ? r[i / 2] : _mm512_srli_epi32(r[i / 2], 16);
      _mm512_store_ps(out, widen_low(lanes, w.scale_dtype));
    }
  }
}

/// A tile of x and the panel's 32 outputs.
struct TileArgs {
  const IntegerRows* x;
  Tile tile;
  std::int64_t first_group;  // of the panel
  std::int64_t groups;
  Panel panel;
};

/// The tile's sums += the terms of group g of the panel.
template <int planes, int limbs, int m_rows>
[[gnu::always_inline]] inline void add_group(const TileArgs& args, std::int64_t g) {
  using Format = Packed<8 / planes>;
  constexpr int block = 64 * planes;  // elements of a block of x
  constexpr int q_rows = m_rows * limbs;
  const IntegerRows& x = *args.x;
  const int group_size = x.spec.quant.group_size;
  const std::int64_t k = (args.first_group + g) * group_size;
  const std::uint8_t* w = args.panel.weights + g * group_size * kPanelCols / planes;
  const std::int8_t* q =
      x.high + args.tile.first * limbs * x.row_bytes() + k / block * (block * q_rows) + k % block / planes;
  __m512i c[q_rows][2];
  unroll<q_rows>(
      [&](auto r) __attribute__((always_inline)) { c[r.value][0] = c[r.value][1] = _mm512_setzero_si512(); });
  // With more planes than one, a group is never longer than a block; with one, a block is 64 elements.
  for (int done = 0; done < group_size; done += block, q += block * q_rows) {
    const int bytes = (group_size < block ? group_size : block) / planes;
    for (std::int64_t at = 0; at < bytes; at += 4) {
      const __m512i packed[2] = {_mm512_load_si512(w), _mm512_load_si512(w + 64)};
      w += 128;
      unroll<planes>([&](auto plane) __attribute__((always_inline)) {
        const __m512i w0 = Format::template plane_of<plane.value>(packed[0]);
        const __m512i w1 = Format::template plane_of<plane.value>(packed[1]);
        unroll<q_rows>([&](auto r) __attribute__((always_inline)) {
          std::int32_t four;
          __builtin_memcpy(&four, q + 64 * (plane.value * q_rows + r.value) + at, sizeof four);
          const __m512i all = _mm512_set1_epi32(four);
          c[r.value][0] = _mm512_dpbusd_epi32(c[r.value][0], w0, all);
          c[r.value][1] = _mm512_dpbusd_epi32(c[r.value][1], w1, all);
        });
      });
    }
  }
  const std::int64_t group = args.tile.first * x.padded_groups() + (args.first_group + g) * m_rows;
  const float* scales = x.scales + group;
  const float* sums = x.sums + group;
  const __m512 scale_w[2] = {_mm512_load_ps(args.panel.scales + g * kPanelCols),
                             _mm512_load_ps(args.panel.scales + g * kPanelCols + 16)};
  const __m512 bias_w[2] = {_mm512_load_ps(args.panel.biases + g * kPanelCols),
                            _mm512_load_ps(args.panel.biases + g * kPanelCols + 16)};
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const __m512 scale_x = _mm512_set1_ps(scales[m.value]);
    const __m512 sum_x = _mm512_set1_ps(sums[m.value]);
    unroll<2>([&](auto half) __attribute__((always_inline)) {
      const __m512i high = c[m.value * limbs][half.value];
      const __m512i sum = limbs == 2 ? _mm512_add_epi32(_mm512_slli_epi32(high, 8),
                                                        c[m.value * limbs + limbs - 1][half.value])
                                     : high;
      const __m512 term =
          _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(scale_x, scale_w[half.value]),
                          _mm512_mul_ps(sum_x, bias_w[half.value]));
      float* to = args.panel.sums + m.value * kPanelCols + 16 * half.value;
      _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), term));
    });
  });
}

/// A panel's outputs, or `count` where there are fewer.
inline void copy_outputs(const float* from, std::int64_t count, float* to) {
  if (count >= kPanelCols) {
    __builtin_memcpy(to, from, kPanelCols * sizeof(float));
  } else {
    __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
  }
}

/// Continues y[tile.first + m, n ...] over the panel's columns.
template <int planes, int limbs, int m_rows>
void panel_tile(const IntegerLinearArgs& args, const TileArgs& tile, std::int64_t n, NextPanel& next) {
  // Sums stay in the scratch, not in a local array, which compilers keep in registers that they do not have.
  float* sums = tile.panel.sums;
  const std::int64_t count = args.row_end - n;
  float* y = args.y + tile.tile.first * args.y_stride + n;
  for (int m = 0; m < m_rows; ++m) {
    if (tile.first_group == 0) {
      __builtin_memset(sums + m * kPanelCols, 0, kPanelCols * sizeof(float));
    } else {
      copy_outputs(y + m * args.y_stride, count, sums + m * kPanelCols);
    }
  }
  for (std::int64_t g = 0; g < tile.groups; ++g) {
    next.fetch_some();
    add_group<planes, limbs, m_rows>(tile, g);
  }
  for (int m = 0; m < m_rows; ++m) copy_outputs(sums + m * kPanelCols, count, y + m * args.y_stride);
}

/// The function for as many rows as the tile has.
template <int planes, int limbs, int m_rows = most_tile_rows(limbs)>
void panel_tile_of(const IntegerLinearArgs& args, const TileArgs& tile, std::int64_t n, NextPanel& next) {
  if constexpr (m_rows > 0) {
    if (tile.tile.rows == m_rows) return panel_tile<planes, limbs, m_rows>(args, tile, n, next);
    panel_tile_of<planes, limbs, m_rows - 1>(args, tile, n, next);
  }
}

/// `groups` groups of columns of 32 rows of w, from group `first_group` and row n on.
template <int bits>
void unpack_panel(const IntegerLinearArgs& args, std::int64_t n, std::int64_t first_group,
                  std::int64_t groups, const Panel& panel) {
  const std::int64_t group_size = args.w.quant.group_size;
  const auto widen = args.w.scale_dtype == DType::float32 ? widen_floats : widen_halves;
  for (int half = 0; half < 2; ++half) {
    const RowSet<16> rows(n + 16 * half, args.row_end);
    unpack_half<bits>(args.w, rows, first_group * group_size, groups * group_size, half, panel);
    widen(args.w.scales, args.w, rows, first_group, groups, panel.scales + 16 * half);
    widen(args.w.biases, args.w, rows, first_group, groups, panel.biases + 16 * half);
  }
}

template <int bits, int limbs>
void linear_panels(const IntegerLinearArgs& args) {
  const IntegerRows& x = args.x;
  const Panel panel = panel_in(args.scratch);
  const std::int64_t most_groups = kPanelDepth / args.w.quant.group_size;
  const std::int64_t tiles = tiles_of(x.rows, limbs);
  NextPanel(args.w, args.row_begin, args.row_end, 0, least(most_groups, x.groups()), 1).fetch_some();
  for (std::int64_t first = 0; first < x.groups(); first += most_groups) {
    const std::int64_t groups = least(most_groups, x.groups() - first);
    for (std::int64_t n = args.row_begin; n < args.row_end; n += kPanelCols) {
      unpack_panel<bits>(args, n, first, groups, panel);
      const bool wraps = n + kPanelCols >= args.row_end;
      const std::int64_t next_first = wraps ? first + groups : first;
      NextPanel next(args.w, wraps ? args.row_begin : n + kPanelCols, args.row_end, next_first,
                     least(most_groups, x.groups() - next_first), tiles * groups);
      for (Tile tile = tile_from(0, x.rows, limbs); tile.rows > 0;
           tile = tile_from(tile.first + tile.rows, x.rows, limbs)) {
        panel_tile_of<Packed<bits>::planes, limbs>(args, {&x, tile, first, groups, panel}, n, next);
      }
    }
  }
}

}  // namespace
}  // namespace tramontane
