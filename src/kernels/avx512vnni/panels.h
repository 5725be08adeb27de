#pragma once
#include <utility>

#include "kernels/avx512vnni/panel.h"
#include "kernels/avx512vnni/tiles.h"

// Many rows of x: 32 rows of w at a time become a panel, some of their elements after the other, and all rows
// of x pass over it.
namespace tramontane {
namespace {

/// How many groups of x are multiplied with all panels before those after them, and how many of these a panel
/// has at a time. With few rows of x a panel is taken along whole rows of w, as memory likes it, in steps
/// that stay in the first-level cache; many rows come from farther away, and long runs of them faster.
struct Depth {
  std::int64_t block;
  std::int64_t panel;

  explicit Depth(const IntegerRows& x) {
    constexpr std::int64_t kFew = 512 * 1024;  // bytes, half of a second-level cache
    const std::int64_t group_size = x.spec.quant.group_size;
    const bool few = x.rows * x.cols * x.spec.limbs <= kFew;
    block = few ? x.groups() : least(x.groups(), kLongPanel / group_size);
    panel = few ? kShortPanel / group_size : block;
  }

 private:
  static constexpr std::int64_t kShortPanel = 512;  // elements of k
  static constexpr std::int64_t kLongPanel = 4096;
};

inline std::size_t panel_scratch_floats(const IntegerRows& x) {
  const Depth depth(x);
  return static_cast<std::size_t>(kPanelCols *
                                  (depth.panel * x.spec.quant.group_size / 4 + 2 * depth.block + x.rows));
}

/// What is asked of memory while a panel is multiplied: the same groups of the 32 rows after
/// its own, row by row, as memory likes it, at the pace at which the panel itself is read. (Where a block's
/// last groups are no whole number of 32, some are missed and others fetched for nothing.)
class NextRows {
 public:
  NextRows(std::int64_t n, const Groups& groups, const MatrixView& w)
      : w_(w), row_(n + kPanelCols), groups_(groups) {}

  /// Where the weights of 32 groups lie that are to be fetched with group g of the block. Asks for their
  /// scales.
  const std::byte* start(std::int64_t g) const {
    const auto at = static_cast<std::uint32_t>(g * kPanelCols);
    const auto count = static_cast<std::uint32_t>(groups_.count);
    const auto row = static_cast<std::size_t>(row_) + at / count;
    const std::size_t group =
        row * w_.groups_per_row() + static_cast<std::size_t>(groups_.first) + at % count;
    const std::size_t scale = size_of(w_.scale_dtype);
    for (std::size_t line = 0; line < kPanelCols * scale; line += 64) {
      fetch(w_.scales + group * scale + line);
      fetch(w_.biases + group * scale + line);
    }
    return w_.data + group * static_cast<std::size_t>(w_.quant.group_size * w_.quant.bits / 8);
  }

  /// Into all caches: asking only for the second level lost up to a fifth with rows that do not begin at a
  /// page.
  static void fetch(const std::byte* at) { _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0); }

 private:
  const MatrixView& w_;
  std::int64_t row_;
  Groups groups_;
};

/// A tile of x and as many groups as the panel has the weights of.
struct TileArgs {
  const IntegerRows* x;
  Tile tile;
  std::int64_t first_group;  // of the block, in the row
  Groups groups;             // in the block
  const Panel* panel;
  const NextRows* next;  // or null
  float* sums;           // [tile.rows, 32]
};

/// The tile's sums += the terms of group g of those that the panel has.
template <int planes, int limbs, int m_rows>
[[gnu::always_inline]] inline void add_group(const TileArgs& args, std::int64_t g) {
  using Format = Packed<8 / planes>;
  constexpr int block = 64 * planes;  // elements of a block of x
  constexpr int q_rows = m_rows * limbs;
  const IntegerRows& x = *args.x;
  const int group_size = x.spec.quant.group_size;
  const std::int64_t in_block = args.groups.first + g;
  const std::int64_t in_row = args.first_group + in_block;
  const std::int64_t k = in_row * group_size;
  const std::uint8_t* w = args.panel->weights + g * group_size * kPanelCols / planes;
  const std::int8_t* q =
      x.high + args.tile.first * limbs * x.row_bytes() + k / block * (block * q_rows) + k % block / planes;
  const std::byte* next = nullptr;
  std::int64_t next_step = 0;  // of two lines at most
  if (args.next != nullptr) {
    next = args.next->start(in_block);
    next_step = kPanelCols * 4 * planes * x.spec.quant.bits / 8;
  }
  __m512i c[q_rows][2];
  unroll<q_rows>(
      [&](auto r) __attribute__((always_inline)) { c[r.value][0] = c[r.value][1] = _mm512_setzero_si512(); });
  // With more planes than one, a group is never longer than a block; with one, a block is 64 elements.
  for (int done = 0; done < group_size; done += block, q += block * q_rows) {
    const int bytes = (group_size < block ? group_size : block) / planes;
    for (std::int64_t at = 0; at < bytes; at += 4) {
      const __m512i packed[2] = {_mm512_load_si512(w), _mm512_load_si512(w + 64)};
      w += 128;
      if (next_step != 0) {
        NextRows::fetch(next);
        NextRows::fetch(next + 64);
        next += next_step;
      }
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
  const std::int64_t group = args.tile.first * x.padded_groups() + in_row * m_rows;
  const float* scales = x.scales + group;
  const float* sums = x.sums + group;
  const float* scales_w = args.panel->scales + in_block * kPanelCols;
  const float* biases_w = args.panel->biases + in_block * kPanelCols;
  const __m512 scale_w[2] = {_mm512_load_ps(scales_w), _mm512_load_ps(scales_w + 16)};
  const __m512 bias_w[2] = {_mm512_load_ps(biases_w), _mm512_load_ps(biases_w + 16)};
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
      // In memory: compilers keep a local array in registers that they do not have.
      float* to = args.sums + m.value * kPanelCols + 16 * half.value;
      _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), term));
    });
  });
}

/// The tile's sums += the terms of its groups, with the function for as many rows as it has.
template <int planes, int limbs, int m_rows = most_tile_rows(limbs)>
void add_groups(const TileArgs& args) {
  if constexpr (m_rows > 0) {
    if (args.tile.rows != m_rows) return add_groups<planes, limbs, m_rows - 1>(args);
    for (std::int64_t g = 0; g < args.groups.count; ++g) add_group<planes, limbs, m_rows>(args, g);
  }
}

/// Those of all rows of x, whose sums args.sums are.
template <int planes, int limbs>
void add_tiles(TileArgs args) {
  // The first tiles ask for what is next, the second for what the first was too fast for (1 to 4% with 16
  // rows).
  constexpr std::int64_t kFetchingRows = 2 * most_tile_rows(limbs);
  while (args.tile.first < args.x->rows) {
    args.tile = tile_from(args.tile.first, args.x->rows, limbs);
    if (args.tile.first >= kFetchingRows) args.next = nullptr;
    add_groups<planes, limbs>(args);
    args.sums += args.tile.rows * kPanelCols;
    args.tile.first += args.tile.rows;
  }
}

/// A panel's outputs, or `count` where there are fewer.
inline void copy_outputs(const float* from, std::int64_t count, float* to) {
  if (count >= kPanelCols) {
    __builtin_memcpy(to, from, kPanelCols * sizeof(float));
  } else {
    __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
  }
}

/// The sums of the 32 outputs from n on: zero, or what earlier groups left in y.
inline void start_sums(const IntegerLinearArgs& args, std::int64_t n, bool fresh, float* sums) {
  if (fresh) {
    __builtin_memset(sums, 0, static_cast<std::size_t>(args.x.rows * kPanelCols) * sizeof(float));
    return;
  }
  for (std::int64_t m = 0; m < args.x.rows; ++m)
    copy_outputs(args.y + m * args.y_stride + n, args.row_end - n, sums + m * kPanelCols);
}

inline void finish_sums(const IntegerLinearArgs& args, std::int64_t n, const float* sums) {
  for (std::int64_t m = 0; m < args.x.rows; ++m)
    copy_outputs(sums + m * kPanelCols, args.row_end - n, args.y + m * args.y_stride + n);
}

template <int bits, int limbs>
void linear_panels(const IntegerLinearArgs& args) {
  const IntegerRows& x = args.x;
  const Depth depth(x);
  const std::int64_t group_size = args.w.quant.group_size;
  float* scratch = args.scratch;
  const auto take = [&scratch](std::int64_t floats) { return std::exchange(scratch, scratch + floats); };
  const Panel panel{
      .weights = reinterpret_cast<std::uint8_t*>(take(kPanelCols * depth.panel * group_size / 4)),
      .scales = take(kPanelCols * depth.block),
      .biases = take(kPanelCols * depth.block)};
  float* sums = take(kPanelCols * x.rows);
  for (std::int64_t first = 0; first < x.groups(); first += depth.block) {
    const Groups block{first, least(depth.block, x.groups() - first)};
    for (std::int64_t n = args.row_begin; n < args.row_end; n += kPanelCols) {
      start_sums(args, n, first == 0, sums);
      const PanelHalf halves[2] = {{0, RowSet<16>(n, args.row_end)}, {1, RowSet<16>(n + 16, args.row_end)}};
      for (const PanelHalf& half : halves) fill_scales(args.w, half, block, panel);
      const NextRows next(n, block, args.w);
      for (std::int64_t g = 0; g < block.count; g += depth.panel) {
        const Groups some{g, least(depth.panel, block.count - g)};
        for (const PanelHalf& half : halves)
          fill_weights<bits>(args.w, half, (first + g) * group_size, some.count * group_size, panel);
        add_tiles<Packed<bits>::planes, limbs>({&x, {}, first, some, &panel, &next, sums});
      }
      finish_sums(args, n, sums);
    }
  }
}

}  // namespace
}  // namespace tramontane
