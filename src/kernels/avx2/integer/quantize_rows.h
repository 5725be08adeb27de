#pragma once
#include <immintrin.h>

#include <type_traits>

#include "kernels/avx2/integer/packed.h"
#include "kernels/integer/quantize_row.h"

// Rows of x are kept as 16-bit words or, for one limb where the products take them, as bytes, in blocks of
// Packed::weights elements: plane p of a block, 32 bytes, holds the elements p, p + planes, ...
namespace tramontane {
namespace {

/// The largest magnitude of n floats, NaN if one of them is not finite.
inline float largest_magnitude(const float* x, int n) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  const __m256 limit = _mm256_set1_ps(__FLT_MAX__);
  __m256 most = _mm256_setzero_ps();
  __m256 finite = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
  for (int i = 0; i < n; i += 8) {
    const __m256 magnitude = _mm256_andnot_ps(sign, _mm256_loadu_ps(x + i));
    finite = _mm256_and_ps(finite, _mm256_cmp_ps(magnitude, limit, _CMP_LE_OQ));
    most = _mm256_max_ps(most, magnitude);
  }
  if (_mm256_movemask_ps(finite) != 0xff) return __builtin_nanf("");
  __m128 best = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
  best = _mm_max_ps(best, _mm_movehl_ps(best, best));
  return _mm_cvtss_f32(_mm_max_ss(best, _mm_movehdup_ps(best)));
}

inline int sum_lanes(__m256i v) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

/// 32 integers in order of k to 16 bits or 8 each.
inline void store_integers(const __m256i (&v)[4], std::int16_t* out) {
  auto* to = reinterpret_cast<__m256i*>(out);
  _mm256_store_si256(to, _mm256_permute4x64_epi64(_mm256_packs_epi32(v[0], v[1]), 0xd8));
  _mm256_store_si256(to + 1, _mm256_permute4x64_epi64(_mm256_packs_epi32(v[2], v[3]), 0xd8));
}
inline void store_integers(const __m256i (&v)[4], std::int8_t* out) {
  const __m256i words = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_store_si256(reinterpret_cast<__m256i*>(out), _mm256_permutevar8x32_epi32(words, order));
}

/// One group in order of k.
template <class Value>
GroupScale quantize_group(const float* x, int n, int limbs, Value* out) {
  const GroupRule rule(largest_magnitude(x, n), limbs);
  const __m256 inverse = _mm256_set1_ps(rule.inverse);
  const __m256 kept = _mm256_castsi256_ps(_mm256_set1_epi32(rule.usable ? -1 : 0));
  __m256i total = _mm256_setzero_si256();
  for (int i = 0; i < n; i += 32) {
    __m256i v[4];
    unroll<4>([&](auto j) __attribute__((always_inline)) {
      const __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(x + i + 8 * j.value), inverse);
      v[j.value] = _mm256_cvtps_epi32(_mm256_and_ps(scaled, kept));
      total = _mm256_add_epi32(total, v[j.value]);
    });
    store_integers(v, out + i);
  }
  return rule.with_total(sum_lanes(total));
}

/// Elements 0, 2, 4, ... of a and b, and 1, 3, 5, ...
template <class Value>
[[gnu::always_inline]] inline void split(__m256i a, __m256i b, __m256i& even, __m256i& odd) {
  if constexpr (std::is_same_v<Value, std::int16_t>) {
    even = _mm256_packs_epi32(_mm256_srai_epi32(_mm256_slli_epi32(a, 16), 16),
                              _mm256_srai_epi32(_mm256_slli_epi32(b, 16), 16));
    odd = _mm256_packs_epi32(_mm256_srai_epi32(a, 16), _mm256_srai_epi32(b, 16));
  } else {
    const __m256i low = _mm256_set1_epi16(0xff);
    even = _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low));
    odd = _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
  }
  even = _mm256_permute4x64_epi64(even, 0xd8);
  odd = _mm256_permute4x64_epi64(odd, 0xd8);
}

/// A block of as many registers as planes, from order of k to planes `step` apart.
template <class Value, int planes, int step = 1>
void store_planes(const __m256i* block, std::byte* out) {
  if constexpr (planes == 1) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(out), block[0]);
  } else {
    __m256i even[planes / 2];
    __m256i odd[planes / 2];
    for (int i = 0; i < planes / 2; ++i) split<Value>(block[2 * i], block[2 * i + 1], even[i], odd[i]);
    store_planes<Value, planes / 2, 2 * step>(even, out);
    store_planes<Value, planes / 2, 2 * step>(odd, out + 32 * step);
  }
}

template <class Value, int planes>
void quantize_row(const float* x, std::int64_t row, const IntegerRows& out) {
  constexpr int block = 32 * planes / static_cast<int>(sizeof(Value));
  const std::int64_t scales = row * out.padded_groups();
  alignas(32) Value values[128] = {};
  auto* to = reinterpret_cast<std::byte*>(reinterpret_cast<Value*>(out.high) + row * out.row_bytes());
  quantize_row<block>(
      x, out, {out.scales + scales, out.sums + scales},
      [&](const float* group, int i) {
        return quantize_group(group, out.spec.quant.group_size, out.spec.limbs, values + i);
      },
      [&](int i) {
        store_planes<Value, planes>(reinterpret_cast<const __m256i*>(values + i), to);
        to += 32 * planes;
      });
}

}  // namespace
}  // namespace tramontane
