#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace tramontane {
namespace {

/// 16 outputs of a panel as 32-bit lanes: integers, or sums of their products with a row of x.
struct TwoRegisters {
  __m256i low;
  __m256i high;

  static TwoRegisters zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static TwoRegisters load(const std::byte* at) {
    const auto* halves = reinterpret_cast<const __m256i*>(at);
    return {_mm256_load_si256(halves), _mm256_load_si256(halves + 1)};
  }
  static TwoRegisters all(std::int32_t lane) { return {_mm256_set1_epi32(lane), _mm256_set1_epi32(lane)}; }
  static TwoRegisters add(TwoRegisters a, TwoRegisters b) {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  /// body(a's register, ...), for each of them.
  template <class Body, class... Rest>
  [[gnu::always_inline]] static TwoRegisters each(Body&& body, TwoRegisters a, Rest... rest) {
    return {body(a.low, rest.low...), body(a.high, rest.high...)};
  }

  /// y += fma(sums, scale_x * scales, sum_x * biases), of 16 each.
  static void add_terms(TwoRegisters sums, float scale_x, float sum_x, const float* scales,
                        const float* biases, float* y) {
    const auto half = [&](__m256i sum, int lane) __attribute__((always_inline)) {
      const __m256 term = _mm256_fmadd_ps(
          _mm256_cvtepi32_ps(sum), _mm256_mul_ps(_mm256_set1_ps(scale_x), _mm256_load_ps(scales + lane)),
          _mm256_mul_ps(_mm256_set1_ps(sum_x), _mm256_load_ps(biases + lane)));
      _mm256_store_ps(y + lane, _mm256_add_ps(_mm256_load_ps(y + lane), term));
    };
    half(sums.low, 0);
    half(sums.high, 8);
  }
};

/// How 32-bit lanes of weights and activations are multiplied and added up: all that integer products without
/// VNNI, with AVX-VNNI and in wider registers differ in. Here by AVX2 alone.
struct Avx2Dots {
  using Outputs = TwoRegisters;
  /// sum + w x, two signed 16-bit elements to a lane.
  static __m256i words(__m256i sum, __m256i w, __m256i x) {
    return kept(_mm256_add_epi32(sum, _mm256_madd_epi16(w, x)));
  }

  /// sum + w x, four elements to a lane: w unsigned, |x| <= 127. The sum stays in two halves of 16 bits until
  /// `widen` adds them, and holds byte_steps(bits) steps of weights of that many bits.
  static __m256i bytes(__m256i sum, __m256i w, __m256i x) {
    return kept(_mm256_add_epi16(sum, _mm256_maddubs_epi16(w, x)));
  }
  static __m256i widen(__m256i sum) { return _mm256_madd_epi16(sum, _mm256_set1_epi16(1)); }

  /// A power of two; 0 where products of bytes are not worth while: widening every other step or more often
  /// costs as much as 16-bit elements do.
  static constexpr int byte_steps(int bits) {
    const int largest = 32767 / (2 * 127 * ((1 << bits) - 1));
    int steps = 1;
    while (2 * steps <= largest) steps *= 2;
    return steps >= 4 ? steps : 0;
  }

 private:
  /// The compiler may not regroup the additions of several steps, for which there are no registers.
  static __m256i kept(__m256i sum) {
    asm("" : "+x"(sum));
    return sum;
  }
};

#ifdef __AVXVNNI__
/// With AVX-VNNI.
struct AvxVnniDots {
  using Outputs = TwoRegisters;
  static __m256i words(__m256i sum, __m256i w, __m256i x) { return _mm256_dpwssd_avx_epi32(sum, w, x); }
  static __m256i bytes(__m256i sum, __m256i w, __m256i x) { return _mm256_dpbusd_avx_epi32(sum, w, x); }
  static __m256i widen(__m256i sum) { return sum; }
  static constexpr int byte_steps(int) { return 64; }  // more than any group asks for
};
#endif

}  // namespace
}  // namespace tramontane
