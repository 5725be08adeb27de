#pragma once
#include "kernels/neondotprod/scales.h"

// One or two rows of x: four products at a time, of one row of x with four of w or of two with two, each in a
// lane. Weights go from where they lie through registers into the products; a group's partial sums are
// brought into lanes by pairwise additions.
namespace tramontane {
namespace {

template <int bits, int group_size, int limbs, int m_rows>
struct DirectTile {
  static constexpr int w_rows = 4 / m_rows;
  static constexpr std::int64_t kGroups = 32;  // whose scales are widened at a time
  using Weights = Packet<bits, group_size>;

  const IntegerRows& x;
  const MatrixView& w;
  RowSet<4> rows;  // of w: of each product

  /// The exact sums of group g, a product m * w_rows + r of rows m of x and r of w in each lane.
  [[gnu::always_inline]] int32x4_t sum_group(std::int64_t g) const {
    const std::byte* from[w_rows];
    unroll<w_rows>([&](auto r) {
      from[r.value] = w.data + rows.row[r.value] * w.row_bytes() + g * (group_size * bits / 8);
    });
    const std::int64_t at = Weights::X::place_of(x, 0, g * group_size);
    int32x4_t high[4];
    int32x4_t low[4];
    unroll<4>([&](auto p) { high[p.value] = low[p.value] = vdupq_n_s32(0); });
    unroll<Weights::per_group>([&](auto i) __attribute__((always_inline)) {
      unroll<Weights::chunks>([&](auto c) __attribute__((always_inline)) {
        int8x16_t chunk[w_rows];
        unroll<w_rows>([&](auto r) __attribute__((always_inline)) {
          chunk[r.value] = Weights::template weights<c.value>(from[r.value] + i.value * Weights::bytes);
        });
        unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
          const std::int64_t row = at + m.value * x.row_bytes();
          add<m.value>(high, chunk, Weights::template activations<c.value>(x.high + row, i.value));
          if constexpr (limbs == 2)
            add<m.value>(low, chunk, Weights::template activations<c.value>(x.low + row, i.value));
        });
      });
    });
    return joined<limbs>(vpaddq_s32(vpaddq_s32(high[0], high[1]), vpaddq_s32(high[2], high[3])),
                         vpaddq_s32(vpaddq_s32(low[0], low[1]), vpaddq_s32(low[2], low[3])));
  }

  /// A value of each row of x in the lanes of its products.
  [[gnu::always_inline]] float32x4_t of_x(const float* values, std::int64_t g) const {
    if constexpr (m_rows == 1) return vdupq_n_f32(values[g]);
    return vcombine_f32(vdup_n_f32(values[g]), vdup_n_f32(values[x.padded_groups() + g]));
  }

  float32x4_t products() const {
    float scales[4 * kGroups];
    float biases[4 * kGroups];
    float32x4_t y = vdupq_n_f32(0);
    for (std::int64_t begin = 0; begin < x.groups(); begin += kGroups) {
      const std::int64_t count = least(kGroups, x.groups() - begin);
      widen_scales<Weights::offset>(w, rows, begin, count, scales, biases, 4);
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t g = begin + i;
        y = vaddq_f32(y, term_of(sum_group(g), vmulq_f32(of_x(x.scales, g), vld1q_f32(scales + 4 * i)),
                                 vmulq_f32(of_x(x.sums, g), vld1q_f32(biases + 4 * i))));
      }
    }
    return y;
  }

 private:
  template <int m>
  [[gnu::always_inline]] static void add(int32x4_t (&sums)[4], const int8x16_t (&chunk)[w_rows],
                                         int8x16_t v) {
    unroll<w_rows>([&](auto r) __attribute__((always_inline)) {
      int32x4_t& sum = sums[m * w_rows + r.value];
      sum = vdotq_s32(sum, chunk[r.value], v);
    });
  }
};

template <int bits, int group_size, int limbs, int m_rows>
void linear_direct(const IntegerLinearArgs& args) {
  constexpr int w_rows = 4 / m_rows;
  for (std::int64_t n = args.row_begin; n < args.row_end; n += w_rows) {
    RowSet<4> rows(n, args.row_end);
    for (int p = w_rows; p < 4; ++p) rows.row[p] = rows.row[p % w_rows];
    const DirectTile<bits, group_size, limbs, m_rows> tile{args.x, args.w, rows};
    float products[4];
    vst1q_f32(products, tile.products());
    for (int m = 0; m < m_rows; ++m) {
      for (int r = 0; r < least(w_rows, args.row_end - n); ++r) {
        args.y[m * args.y_stride + n + r] = products[m * w_rows + r];
      }
    }
  }
}

}  // namespace
}  // namespace tramontane
