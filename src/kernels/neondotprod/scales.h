#pragma once
#include "kernels/neondotprod/unpack.h"
#include "kernels/simd/row_set.h"

namespace tramontane {
namespace {

constexpr std::int64_t kStepGroups = 4;  // whose scales fill a register

/// Four scales or biases; zero past the first `left`.
inline float32x4_t load_scales(const std::byte* at, DType dtype, std::int64_t left) {
  if (dtype == DType::float32) {
    if (left >= kStepGroups) return vreinterpretq_f32_u8(vld1q_u8(reinterpret_cast<const std::uint8_t*>(at)));
    float some[kStepGroups] = {};
    std::memcpy(some, at, static_cast<std::size_t>(left) * sizeof(float));
    return vld1q_f32(some);
  }
  uint16x4_t bits;
  if (left >= kStepGroups) {
    bits = vreinterpret_u16_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(at)));
  } else {
    std::uint16_t some[kStepGroups] = {};
    for (std::int64_t i = 0; i < left; ++i) std::memcpy(some + i, at + 2 * i, 2);
    bits = vld1_u16(some);
  }
  if (dtype == DType::float16) return vcvt_f32_f16(vreinterpret_f16_u16(bits));
  return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
}

/// Scales and biases of four rows, groups [begin, begin + count), to floats `stride` apart; there is room for
/// whole steps, zero past the last group. For weights from which `offset` was subtracted: w = scale * (q -
/// offset) + (bias + offset * scale).
template <int offset>
void widen_scales(const MatrixView& w, const RowSet<4>& rows, std::int64_t begin, std::int64_t count,
                  float* scales, float* biases, std::int64_t stride) {
  for (std::int64_t g = 0; g < count; g += kStepGroups) {
    float32x4_t s[4];
    float32x4_t b[4];
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      const std::size_t at = size_of(w.scale_dtype) *
                             (rows.row[i.value] * w.groups_per_row() + static_cast<std::size_t>(begin + g));
      s[i.value] = load_scales(w.scales + at, w.scale_dtype, count - g);
      b[i.value] = load_scales(w.biases + at, w.scale_dtype, count - g);
      if constexpr (offset != 0) b[i.value] = vfmaq_n_f32(b[i.value], s[i.value], offset);
    });
    transpose(s);
    transpose(b);
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      vst1q_f32(scales + (g + i.value) * stride, s[i.value]);
      vst1q_f32(biases + (g + i.value) * stride, b[i.value]);
    });
  }
}

/// What a group adds to an output.
[[gnu::always_inline]] inline float32x4_t term_of(int32x4_t sum, float32x4_t scales, float32x4_t biases) {
  return vfmaq_f32(biases, vcvtq_f32_s32(sum), scales);
}

template <int limbs>
[[gnu::always_inline]] inline int32x4_t joined(int32x4_t high, int32x4_t low) {
  return limbs == 2 ? vaddq_s32(vshlq_n_s32(high, 8), low) : high;
}

}  // namespace
}  // namespace tramontane
