#pragma once
#include "kernels/avx2/integer/dots.h"

namespace tramontane {
namespace {

/// 16 outputs of a panel as 32-bit lanes.
struct OneRegister {
  __m512i v;

  static OneRegister zero() { return {_mm512_setzero_si512()}; }
  static OneRegister load(const std::byte* at) { return {_mm512_load_si512(at)}; }
  static OneRegister all(std::int32_t lane) { return {_mm512_set1_epi32(lane)}; }
  static OneRegister add(OneRegister a, OneRegister b) { return {_mm512_add_epi32(a.v, b.v)}; }
  template <class Body, class... Rest>
  [[gnu::always_inline]] static OneRegister each(Body&& body, OneRegister a, Rest... rest) {
    return {body(a.v, rest.v...)};
  }
  static void add_terms(OneRegister sums, float scale_x, float sum_x, const float* scales,
                        const float* biases, float* y) {
    const __m512 term = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums.v),
                                        _mm512_mul_ps(_mm512_set1_ps(scale_x), _mm512_load_ps(scales)),
                                        _mm512_mul_ps(_mm512_set1_ps(sum_x), _mm512_load_ps(biases)));
    _mm512_store_ps(y, _mm512_add_ps(_mm512_load_ps(y), term));
  }
};

/// AVX2's products along a row, which wait for memory, and panels in AVX-512's registers.
struct Avx512Dots : Avx2Dots {
  using Outputs = OneRegister;
  using Avx2Dots::bytes;
  using Avx2Dots::widen;
  using Avx2Dots::words;

  static __m512i words(__m512i sum, __m512i w, __m512i x) {
    return kept(_mm512_add_epi32(sum, _mm512_madd_epi16(w, x)));
  }
  static __m512i bytes(__m512i sum, __m512i w, __m512i x) {
    return kept(_mm512_add_epi16(sum, _mm512_maddubs_epi16(w, x)));
  }
  static __m512i widen(__m512i sum) { return _mm512_madd_epi16(sum, _mm512_set1_epi16(1)); }

 private:
  static __m512i kept(__m512i sum) {
    asm("" : "+v"(sum));
    return sum;
  }
};

}  // namespace
}  // namespace tramontane
