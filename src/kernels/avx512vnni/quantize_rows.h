#pragma once
#include <immintrin.h>

#include "kernels/avx512vnni/tiles.h"
#include "kernels/integer/quantize_row.h"
#include "kernels/integer/specialise.h"

namespace tramontane {
namespace {

constexpr int kLanes = 16;  // floats in a register

/// The largest magnitude of n floats, NaN if one of them is not finite.
inline float largest_magnitude(const float* x, int n) {
  const __m512 limit = _mm512_set1_ps(__FLT_MAX__);
  __m512 most = _mm512_setzero_ps();
  __mmask16 finite = 0xffff;
  for (int i = 0; i < n; i += kLanes) {
    const __m512 magnitude = _mm512_abs_ps(_mm512_loadu_ps(x + i));
    finite &= _mm512_cmp_ps_mask(magnitude, limit, _CMP_LE_OQ);
    most = _mm512_max_ps(most, magnitude);
  }
  return finite == 0xffff ? _mm512_reduce_max_ps(most) : __builtin_nanf("");
}

/// One group to bytes in order of k.
template <int limbs>
GroupScale quantize_group(const float* x, int n, std::int8_t* high, std::int8_t* low) {
  const GroupRule rule(largest_magnitude(x, n), limbs);
  const __m512 inverse = _mm512_set1_ps(rule.inverse);
  __m512i total = _mm512_setzero_si512();
  for (int i = 0; i < n; i += kLanes) {
    const __m512 scaled = _mm512_maskz_mul_ps(rule.usable ? 0xffff : 0, _mm512_loadu_ps(x + i), inverse);
    const __m512i v = _mm512_cvtps_epi32(scaled);
    total = _mm512_add_epi32(total, v);
    auto* to_high = reinterpret_cast<__m128i*>(high + i);
    if constexpr (limbs == 2) {
      const __m512i h = _mm512_srai_epi32(_mm512_add_epi32(v, _mm512_set1_epi32(128)), 8);
      _mm_store_si128(to_high, _mm512_cvtepi32_epi8(h));
      _mm_store_si128(reinterpret_cast<__m128i*>(low + i),
                      _mm512_cvtepi32_epi8(v));  // v - 256 h, by truncation
    } else {
      _mm_store_si128(to_high, _mm512_cvtepi32_epi8(v));
    }
  }
  return rule.with_total(_mm512_reduce_add_epi32(total));
}

/// A block of 64 * planes bytes from order of k to planes, `stride` apart.
template <int planes>
void store_planes(const std::int8_t* block, std::int8_t* out, std::int64_t stride) {
  for (int i = 0; i < planes; ++i) {
    const __m512i v = _mm512_load_si512(block + 64 * i);
    if constexpr (planes == 1) {
      _mm512_store_si512(out, v);
    } else if constexpr (planes == 2) {
      for (int p = 0; p < planes; ++p) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + p * stride + 32 * i),
                           _mm512_cvtepi16_epi8(p == 0 ? v : _mm512_srli_epi16(v, 8)));
      }
    } else {
      for (unsigned p = 0; p < planes; ++p) {
        _mm_store_si128(reinterpret_cast<__m128i*>(out + p * stride + 16 * i),
                        _mm512_cvtepi32_epi8(_mm512_srli_epi32(v, 8 * p)));
      }
    }
  }
}

template <int limbs, int planes>
void quantize_row(const float* x, std::int64_t row, const IntegerRows& out) {
  constexpr int kBlockElements = 64 * planes;
  const RowPlace place = place_of(row, out);
  alignas(64) std::int8_t high[256] = {};
  alignas(64) std::int8_t low[256] = {};
  std::int8_t* to = out.high + place.limbs;
  quantize_row<kBlockElements>(
      x, out, {out.scales + place.scales, out.sums + place.scales, place.scale_stride},
      [&](const float* group, int i) {
        return quantize_group<limbs>(group, out.spec.quant.group_size, high + i, low + i);
      },
      [&](int i) {
        store_planes<planes>(high + i, to, place.block_stride);
        if constexpr (limbs == 2) store_planes<planes>(low + i, to + place.low, place.block_stride);
        to += planes * place.block_stride;
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
