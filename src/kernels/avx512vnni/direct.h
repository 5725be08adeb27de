#pragma once
#include "kernels/avx512vnni/terms.h"

// Few rows of x: 16 rows of w leave their terms in the scratch, which are then added up side by side.
namespace tramontane {
namespace {

constexpr std::int64_t kTileRows = 16;  // of w

/// y[n + i] = the sum of row i's terms in order, for i < count.
inline void add_terms(const float* terms, std::int64_t stride, std::int64_t groups, std::int64_t count,
                      float* y) {
  __m512 sum = _mm512_setzero_ps();
  for (std::int64_t g = 0; g < groups; g += kStepGroups) {
    __m512i r[16];
    unroll<16>([&](auto i) { r[i.value] = _mm512_load_si512(terms + i.value * stride + g); });
    transpose(r);
    const std::int64_t used = least(kStepGroups, groups - g);
    if (used == kStepGroups) {
      unroll<16>([&](auto i) { sum = _mm512_add_ps(sum, _mm512_castsi512_ps(r[i.value])); });
    } else {
      for (std::int64_t i = 0; i < used; ++i) sum = _mm512_add_ps(sum, _mm512_castsi512_ps(r[i]));
    }
  }
  _mm512_mask_storeu_ps(y, static_cast<__mmask16>((1U << count) - 1), sum);
}

/// Floats between two rows' terms: not a multiple of a page, or they would all lie in the same few places of
/// the first-level cache.
inline std::int64_t terms_stride(const IntegerRows& x) { return x.padded_groups() + 16; }

template <int bits, int group_size, int limbs, int m_rows>
void linear_tile(const IntegerLinearArgs& args, std::int64_t n, std::byte* tail) {
  const std::int64_t count = least(kTileRows, args.row_end - n);
  const std::int64_t stride = terms_stride(args.x);
  const auto groups = static_cast<std::size_t>(args.x.groups());
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::size_t>(n + i);
    const RowArgs row_args{.x = &args.x,
                           .weights = args.w.data + row * args.w.row_bytes(),
                           .scales = args.w.scales + 2 * row * groups,
                           .biases = args.w.biases + 2 * row * groups,
                           .scale_dtype = args.w.scale_dtype,
                           .terms = args.scratch + i * stride,
                           .terms_stride = kTileRows * stride};
    row_terms<bits, group_size, limbs, m_rows>(row_args, tail);
  }
  for (int m = 0; m < m_rows; ++m) {
    add_terms(args.scratch + m * kTileRows * stride, stride, args.x.groups(), count,
              args.y + m * args.y_stride + n);
  }
}

template <int bits, int group_size, int limbs>
void linear_direct(const IntegerLinearArgs& args) {
  static_assert(kMostDirectRows == 2);
  alignas(64) std::byte tail[StepShape<bits, group_size>::bytes] = {};
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kTileRows) {
    if (args.x.rows == 2) {
      linear_tile<bits, group_size, limbs, 2>(args, n, tail);
    } else {
      linear_tile<bits, group_size, limbs, 1>(args, n, tail);
    }
  }
}

inline std::size_t direct_scratch_floats(const IntegerRows& x) {
  return static_cast<std::size_t>(kMostDirectRows * kTileRows * terms_stride(x));
}

}  // namespace
}  // namespace tramontane
