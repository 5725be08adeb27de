#pragma once
#include <immintrin.h>

#include <cstdint>

#include "kernels/avx512vnni/unpack.h"
#include "kernels/integer/specialise.h"
#include "kernels/matrix_view.h"
#include "kernels/simd/row_set.h"
#include "kernels/simd/unroll.h"

// 32 rows of w with their elements side by side: an output is a lane.
namespace tramontane {
namespace {

constexpr std::int64_t kPanelCols = 32;  // outputs

/// Weights of some elements of k, as Packed has them in a register, [k / 4 / planes][half][16 outputs][4
/// bytes of planes]; scales and biases of some groups of the rows [group][32 outputs].
struct Panel {
  std::uint8_t* weights;
  float* scales;
  float* biases;
};

/// 16 outputs of a panel and the rows of w that they are.
struct PanelHalf {
  int index;  // 0 or 1
  RowSet<16> rows;
};

/// Where some bytes of each of 16 rows begin.
class RowBytes {
 public:
  RowBytes(const RowSet<16>& rows, const std::byte* first, std::size_t row_bytes) {
    for (int i = 0; i < 16; ++i) at_[i] = first + rows.row[i] * row_bytes;
  }

  /// Calls load(a, b) for what lies `offset` bytes further in the pairs of rows that transpose_halves takes.
  template <class Load>
  [[gnu::always_inline]] void load_pairs(std::int64_t offset, __m512i (&r)[8], Load&& load) const {
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      r[i.value] = load(at_[i.value] + offset, at_[i.value + 4] + offset);
      r[i.value + 4] = load(at_[i.value + 8] + offset, at_[i.value + 12] + offset);
    });
  }

 private:
  const std::byte* at_[16];
};

/// Elements of 16 rows, 8 registers of them, side by side.
[[gnu::always_inline]] inline void store_transposed(__m512i (&r)[8], std::uint8_t* out) {
  transpose_halves(r);
  unroll<8>([&](auto c)
                __attribute__((always_inline)) { _mm512_store_si512(out + 128 * c.value, r[c.value]); });
}

/// Columns [begin, begin + size) of w.
template <int bits>
void fill_weights(const MatrixView& w, const PanelHalf& half, std::int64_t begin, std::int64_t size,
                  const Panel& panel) {
  using Format = Packed<bits>;
  constexpr std::int64_t step = Format::bytes / 2;  // of a row, which become 8 registers
  const std::int64_t bytes = size * bits / 8;
  const RowBytes rows(half.rows, w.data + begin * bits / 8, w.row_bytes());
  std::uint8_t* out = panel.weights + 64 * half.index;
  __m512i r[8];
  std::int64_t at = 0;
  for (; at + step <= bytes; at += step, out += 1024) {
    rows.load_pairs(at, r, [](const std::byte* a, const std::byte* b) __attribute__((always_inline)) {
      return Format::load_halves(a, b, step);
    });
    store_transposed(r, out);
  }
  if (at < bytes) {
    rows.load_pairs(at, r, [&](const std::byte* a, const std::byte* b) __attribute__((always_inline)) {
      return Format::load_halves(a, b, bytes - at);
    });
    store_transposed(r, out);
  }
}

/// 8 scales or biases of each of two rows, or `left` of them and zeros.
template <DType dtype>
__m512 load_scales(const std::byte* a, const std::byte* b, std::int64_t left) {
  const auto exist = static_cast<__mmask8>(left >= 8 ? 0xff : (1U << left) - 1);
  if constexpr (dtype == DType::float32) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_maskz_loadu_ps(exist, a)),
                              _mm256_maskz_loadu_ps(exist, b), 1);
  } else {
    const __m256i bits = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_maskz_loadu_epi16(exist, a)),
                                                 _mm_maskz_loadu_epi16(exist, b), 1);
    if constexpr (dtype == DType::float16) return _mm512_cvtph_ps(bits);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
}

/// Some groups of a row.
struct Groups {
  std::int64_t first;
  std::int64_t count;
};

/// Scales, or biases, of 16 rows to floats kPanelCols apart.
template <DType dtype>
void widen_scales(const std::byte* scales, std::size_t stride, const Groups& groups, const RowSet<16>& rows,
                  float* out) {
  constexpr std::size_t size = size_of(dtype);
  const RowBytes from(rows, scales + static_cast<std::size_t>(groups.first) * size, stride * size);
  for (std::int64_t g = 0; g < groups.count; g += 8) {
    __m512i r[8];
    from.load_pairs(g * static_cast<std::int64_t>(size), r,
                    [&](const std::byte* a, const std::byte* b) __attribute__((always_inline)) {
                      return _mm512_castps_si512(load_scales<dtype>(a, b, groups.count - g));
                    });
    transpose_halves(r);
    const std::int64_t used = least(8, groups.count - g);
    for (std::int64_t i = 0; i < used; ++i, out += kPanelCols) _mm512_store_si512(out, r[i]);
  }
}

inline void fill_scales(const MatrixView& w, const PanelHalf& half, const Groups& groups,
                        const Panel& panel) {
  const std::size_t stride = w.groups_per_row();
  with_scales(w, [&]<DType dtype>(DTypeIndex<dtype>) {
    widen_scales<dtype>(w.scales, stride, groups, half.rows, panel.scales + 16 * half.index);
    widen_scales<dtype>(w.biases, stride, groups, half.rows, panel.biases + 16 * half.index);
  });
}

}  // namespace
}  // namespace tramontane
