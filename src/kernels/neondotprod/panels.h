#pragma once
#include "kernels/neondotprod/scales.h"

// Three rows of x and more: 32 rows of w become a panel of bytes in the first-level cache, and all rows of x
// pass over it, some at a time for 8 outputs at a time; an output is a lane, and four activations at a time
// are multiplied with it.
namespace tramontane {
namespace {

constexpr std::int64_t kPanelCols = 32;     // outputs
constexpr std::int64_t kPanelDepth = 1024;  // elements of k at a time: 32 KiB of bytes
constexpr std::int64_t kPanelGroups = kPanelDepth / 32;
constexpr std::int64_t kTileCols = 8;  // outputs multiplied at a time
constexpr std::size_t kPanelScratch =
    static_cast<std::size_t>(kPanelCols * (kPanelDepth / 4 + 2 * kPanelGroups));

/// In scratch. Bytes [tile][chunk of 16 k, as Packet has them][4 k][half][4 outputs][k], scales and biases
/// [group][32 outputs].
struct Panel {
  std::int8_t* bytes;
  float* scales;
  float* biases;
};

inline Panel panel_in(float* scratch) {
  return {.bytes = reinterpret_cast<std::int8_t*>(scratch),
          .scales = scratch + kPanelCols * kPanelDepth / 4,
          .biases = scratch + kPanelCols * (kPanelDepth / 4 + kPanelGroups)};
}

/// Columns [begin, begin + size) of four rows to `out`, one half of a tile.
template <int bits, int group_size>
void unpack_rows(const MatrixView& w, const RowSet<4>& rows, std::int64_t begin, std::int64_t size,
                 std::int8_t* out) {
  using Weights = Packet<bits, group_size>;
  const std::byte* from[4];
  for (int r = 0; r < 4; ++r) from[r] = w.data + rows.row[r] * w.row_bytes() + begin * bits / 8;
  for (std::int64_t at = 0; at < size * bits / 8; at += Weights::bytes) {
    unroll<Weights::chunks>([&](auto c) __attribute__((always_inline)) {
      float32x4_t r[4];
      unroll<4>([&](auto i) __attribute__((always_inline)) {
        r[i.value] = vreinterpretq_f32_s8(Weights::template weights<c.value>(from[i.value] + at));
      });
      transpose(r);
      unroll<4>([&](auto i) __attribute__((always_inline)) {
        vst1q_s8(out + 32 * i.value, vreinterpretq_s8_f32(r[i.value]));
      });
      out += 128;
    });
  }
}

template <int bits, int group_size>
void fill_panel(const IntegerLinearArgs& args, std::int64_t n, std::int64_t begin, std::int64_t size,
                const Panel& panel) {
  const std::int64_t groups = size / group_size;
  for (std::int64_t c = 0; c < kPanelCols && n + c < args.row_end; c += 4) {
    const RowSet<4> rows(n + c, args.row_end);
    unpack_rows<bits, group_size>(args.w, rows, begin, size,
                                  panel.bytes + c / kTileCols * kTileCols * kPanelDepth + c % kTileCols * 4);
    widen_scales<Packet<bits, group_size>::offset>(args.w, rows, begin / group_size, groups, panel.scales + c,
                                                   panel.biases + c, kPanelCols);
  }
}

/// Some rows of x and 8 outputs.
struct TileArgs {
  const IntegerRows* x;
  std::int64_t first_x;
  std::int64_t begin;    // the first column of the panel
  const std::int8_t* w;  // the tile's bytes
  const float* scales;   // of its first group and output
  const float* biases;
  float* sums;  // [m_rows, 8], continued
};

/// sums += the terms of group g of the panel. X: Activations.
template <class X, int limbs, int m_rows>
[[gnu::always_inline]] inline void add_group(const TileArgs& args, std::int64_t g) {
  constexpr int q_rows = m_rows * limbs;
  const IntegerRows& x = *args.x;
  const int group_size = x.spec.quant.group_size;
  const std::int64_t k = args.begin + g * group_size;
  const std::int8_t* w = args.w + g * group_size * kTileCols;
  const std::int8_t* q[q_rows];
  unroll<q_rows>([&](auto r) {
    const std::int64_t at = X::place_of(x, args.first_x + r.value / limbs, k);
    q[r.value] = (r.value % limbs == 0 ? x.high : x.low) + at;
  });
  int32x4_t c[q_rows][2];
  unroll<q_rows>([&](auto r) { c[r.value][0] = c[r.value][1] = vdupq_n_s32(0); });
  for (int i = 0; i < group_size / (16 * X::chunks); ++i) {
    unroll<X::chunks>([&](auto chunk) __attribute__((always_inline)) {
      int8x16_t outputs[8];
      unroll<8>([&](auto j) { outputs[j.value] = vld1q_s8(w + 16 * j.value); });
      w += 128;
      unroll<q_rows>([&](auto r) __attribute__((always_inline)) {
        const int8x16_t v = X::template load<chunk.value>(q[r.value], i);
        unroll<4>([&](auto four) __attribute__((always_inline)) {
          unroll<2>([&](auto half) __attribute__((always_inline)) {
            int32x4_t& sum = c[r.value][half.value];
            sum = vdotq_laneq_s32(sum, outputs[2 * four.value + half.value], v, four.value);
          });
        });
      });
    });
  }
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const std::int64_t at = (args.first_x + m.value) * x.padded_groups() + k / group_size;
    unroll<2>([&](auto half) __attribute__((always_inline)) {
      const int32x4_t sum =
          joined<limbs>(c[m.value * limbs][half.value], c[m.value * limbs + limbs - 1][half.value]);
      const std::int64_t lane = g * kPanelCols + 4 * half.value;
      const float32x4_t term = term_of(sum, vmulq_n_f32(vld1q_f32(args.scales + lane), x.scales[at]),
                                       vmulq_n_f32(vld1q_f32(args.biases + lane), x.sums[at]));
      float* to = args.sums + m.value * kTileCols + 4 * half.value;
      vst1q_f32(to, vaddq_f32(vld1q_f32(to), term));
    });
  });
}

/// Continues y[first_x + m, n ...] over the panel's columns, `size` of them.
template <class X, int limbs, int m_rows>
void panel_tile(const IntegerLinearArgs& args, TileArgs tile, std::int64_t n, std::int64_t size) {
  float sums[m_rows * kTileCols] = {};
  const auto bytes = static_cast<std::size_t>(least(kTileCols, args.row_end - n)) * sizeof(float);
  float* y = args.y + tile.first_x * args.y_stride + n;
  for (int m = 0; m < m_rows && tile.begin > 0; ++m) {
    std::memcpy(sums + m * kTileCols, y + m * args.y_stride, bytes);
  }
  tile.sums = sums;
  for (std::int64_t g = 0; g < size / args.w.quant.group_size; ++g) add_group<X, limbs, m_rows>(tile, g);
  for (int m = 0; m < m_rows; ++m) std::memcpy(y + m * args.y_stride, sums + m * kTileCols, bytes);
}

/// All rows of x from first_x on in tiles of m_rows, the rest in smaller ones.
template <class X, int limbs, int m_rows>
void panel_tiles(const IntegerLinearArgs& args, std::int64_t first_x, std::int64_t n, std::int64_t begin,
                 std::int64_t size, const Panel& panel) {
  for (; first_x + m_rows <= args.x.rows; first_x += m_rows) {
    for (std::int64_t c = 0; c < kPanelCols && n + c < args.row_end; c += kTileCols) {
      panel_tile<X, limbs, m_rows>(args,
                                   {.x = &args.x,
                                    .first_x = first_x,
                                    .begin = begin,
                                    .w = panel.bytes + c * kPanelDepth,
                                    .scales = panel.scales + c,
                                    .biases = panel.biases + c,
                                    .sums = nullptr},
                                   n + c, size);
    }
  }
  if constexpr (m_rows > 1) panel_tiles<X, limbs, m_rows / 2>(args, first_x, n, begin, size, panel);
}

template <int bits, int group_size, int limbs>
void linear_panels(const IntegerLinearArgs& args) {
  const Panel panel = panel_in(args.scratch);
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kPanelCols) {
    for (std::int64_t begin = 0; begin < args.w.cols; begin += kPanelDepth) {
      const std::int64_t size = least(kPanelDepth, args.w.cols - begin);
      fill_panel<bits, group_size>(args, n, begin, size, panel);
      panel_tiles<typename Packet<bits, group_size>::X, limbs, 8 / limbs>(args, 0, n, begin, size, panel);
    }
  }
}

}  // namespace
}  // namespace tramontane
