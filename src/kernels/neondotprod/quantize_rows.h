#pragma once
#include <arm_neon.h>

#include <cstring>

#include "kernels/integer_products.h"

namespace tramontane {
namespace {

constexpr float kLeastMagnitude = 1e-30F;  // below it 1 / scale could overflow

/// The largest magnitude of n floats, NaN if one of them is not finite.
inline float largest_magnitude(const float* x, int n) {
  float32x4_t most = vdupq_n_f32(0);
  for (int i = 0; i < n; i += 4) most = vmaxq_f32(most, vabsq_f32(vld1q_f32(x + i)));  // NaN stays
  const float found = vmaxvq_f32(most);
  return found <= __FLT_MAX__ ? found : __builtin_nanf("");
}

struct GroupScale {
  float scale;
  float sum;
};

/// One group to bytes in order of k.
template <int limbs>
GroupScale quantize_group(const float* x, int n, std::int8_t* high, std::int8_t* low) {
  const float steps = limbs == 2 ? 32512.0F : 127.0F;
  const float most = largest_magnitude(x, n);
  if (!(most >= kLeastMagnitude)) {  // or NaN
    std::memset(high, 0, static_cast<std::size_t>(n));
    if constexpr (limbs == 2) std::memset(low, 0, static_cast<std::size_t>(n));
    const float scale = most < kLeastMagnitude ? 0.0F : most;
    return {scale, scale};
  }
  const float inverse = steps / most;
  int32x4_t total = vdupq_n_s32(0);
  for (int i = 0; i < n; i += 8) {
    const int32x4_t first = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i), inverse));
    const int32x4_t second = vcvtnq_s32_f32(vmulq_n_f32(vld1q_f32(x + i + 4), inverse));
    const int16x8_t v = vcombine_s16(vmovn_s32(first), vmovn_s32(second));
    total = vpadalq_s16(total, v);
    if constexpr (limbs == 2) {
      vst1_s8(high + i, vrshrn_n_s16(v, 8));
      vst1_s8(low + i, vmovn_s16(v));  // v - 256 high, by truncation
    } else {
      vst1_s8(high + i, vmovn_s16(v));
    }
  }
  const float scale = most / steps;
  return {scale, scale * static_cast<float>(vaddvq_s32(total))};
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
  const int group_size = out.spec.quant.group_size;
  // Both are powers of two: whole groups and whole blocks.
  const int unit = group_size > block ? group_size : block;
  const std::int64_t groups = out.groups();
  float* scales = out.scales + row * out.padded_groups();
  float* sums = out.sums + row * out.padded_groups();
  for (std::int64_t g = groups; g < out.padded_groups(); ++g) scales[g] = sums[g] = 0;
  std::int8_t high[256] = {};
  std::int8_t low[256] = {};
  std::int64_t at = row * out.row_bytes();
  for (std::int64_t g = 0; g < groups; at += unit) {
    for (int i = 0; i < unit && g < groups; i += group_size, ++g) {
      const GroupScale group = quantize_group<limbs>(x + g * group_size, group_size, high + i, low + i);
      scales[g] = group.scale;
      sums[g] = group.sum;
    }
    for (int i = 0; i < unit; i += block) {
      store_planes<planes>(high + i, out.high + at + i);
      if constexpr (limbs == 2) store_planes<planes>(low + i, out.low + at + i);
    }
  }
}

template <int limbs>
void quantize_rows_of(const float* x, std::int64_t begin, std::int64_t end, const IntegerRows& out) {
  for (std::int64_t row = begin; row < end; ++row) {
    const float* from = x + row * out.cols;
    switch (out.spec.planes()) {
      case 1:
        quantize_row<limbs, 1>(from, row, out);
        break;
      case 2:
        quantize_row<limbs, 2>(from, row, out);
        break;
      default:
        quantize_row<limbs, 4>(from, row, out);
    }
  }
}

inline void quantize_rows(const float* x, std::int64_t begin, std::int64_t end, const IntegerRows& out) {
  if (out.spec.limbs == 2) {
    quantize_rows_of<2>(x, begin, end, out);
  } else {
    quantize_rows_of<1>(x, begin, end, out);
  }
}

}  // namespace
}  // namespace tramontane
