#pragma once
#include <immintrin.h>

namespace tramontane {
namespace {

/// The one thing in which integer products with and without AVX-VNNI differ: how eight 32-bit lanes of
/// weights and activations are multiplied and added up. Here by AVX2 alone.
struct Avx2Dots {
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
  static __m256i words(__m256i sum, __m256i w, __m256i x) { return _mm256_dpwssd_avx_epi32(sum, w, x); }
  static __m256i bytes(__m256i sum, __m256i w, __m256i x) { return _mm256_dpbusd_avx_epi32(sum, w, x); }
  static __m256i widen(__m256i sum) { return sum; }
  static constexpr int byte_steps(int) { return 64; }  // more than any group asks for
};
#endif

}  // namespace
}  // namespace tramontane
