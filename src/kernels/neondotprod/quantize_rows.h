#pragma once
#include <arm_neon.h>

#include <cstring>

#include "kernels/integer/quantize_row.h"
#include "kernels/integer/specialise.h"

namespace tramontane {
namespace {

/// The largest magnitude of n floats, NaN if one of them is not finite.
inline float largest_magnitude(const float* x, int n) {
  float32x4_t most = vdupq_n_f32(0);
  for (int i = 0; i < n; i += 4) most = vmaxq_f32(most, vabsq_f32(vld1q_f32(x + i)));  // NaN stays
  const float found = vmaxvq_f32(most);
  return found <= __FLT_MAX__ ? found : __builtin_nanf("");
}

/// One group to bytes in order of k.
template <int limbs>
GroupScale quantize_group(const float* x, int n, std::int8_t* high, std::int8_t* low) {
  const GroupRule rule(largest_magnitude(x, n), limbs);
  if (!rule.usable) {
    std::memset(high, 0, static_cast<std::size_t>(n));
    if constexpr (limbs == 2) std::memset(low, 0, static_cast<std::size_t>(n));
    return rule.with_total(0);
  }
  int32x4_t total = vdupq_n_s32(0);
  for (int i = 0; i < n; i += 8) {
    const int32x4_t first = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), rule.inverse));
    const int32x4_t second = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), rule.inverse));
    const int16x8_t v = vcombine_s16(vmovn_s32(first), vmovn_s32(second));
    total = vpadalq_s16(total, v);
    if constexpr (limbs == 2) {
      vst1_s8(high + i, vrshrn_n_s16(v, 8));
      vst1_s8(low + i, vmovn_s16(v));  // v - 256 high, by truncation
    } else {
      vst1_s8(high + i, vmovn_s16(v));
    }
  }
  return rule.with_total(vaddvq_s32(total));
}

/// A block of 64 * planes bytes from order of k to planes.
template <int planes>
void store_planes(const std::int8_t* block, std::int8_t* out) {
  if constexpr (planes == 1) {
    std::memcpy(out, block, 64);
  } else {
    for (int i = 0; i < 64; i += 16) {
      if constexpr (planes == 2) {
        const int8x16x2_t v = vld2q_s8(block + planes * i);
        for (int p = 0; p < planes; ++p) vst1q_s8(out + 64 * p + i, v.val[p]);
      } else {
        const int8x16x4_t v = vld4q_s8(block + planes * i);
        for (int p = 0; p < planes; ++p) vst1q_s8(out + 64 * p + i, v.val[p]);
      }
    }
  }
}

template <int limbs, int planes>
void quantize_row(const float* x, std::int64_t row, const IntegerRows& out) {
  constexpr int block = 64 * planes;
  const std::int64_t scales = row * out.padded_groups();
  std::int8_t high[256] = {};
  std::int8_t low[256] = {};
  std::int64_t at = row * out.row_bytes();
  quantize_row<block>(
      x, out, {out.scales + scales, out.sums + scales},
      [&](const float* group, int i) {
        return quantize_group<limbs>(group, out.spec.quant.group_size, high + i, low + i);
      },
      [&](int i) {
        store_planes<planes>(high + i, out.high + at);
        if constexpr (limbs == 2) store_planes<planes>(low + i, out.low + at);
        at += block;
      });
}

inline void quantize_rows(const float* x, std::int64_t begin, std::int64_t end, const IntegerRows& out) {
  with_limbs(out.spec, [&]<int limbs>(Index<limbs>) {
    with_planes(out.spec, [&]<int planes>(Index<planes>) {
      for (std::int64_t row = begin; row < end; ++row)
        quantize_row<limbs, planes>(x + row * out.cols, row, out);
    });
  });
}

}  // namespace
}  // namespace tramontane
