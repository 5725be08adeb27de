#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx512vnni/spread.h"
#include "kernels/simd/unroll.h"

namespace tramontane {
namespace {

/// How packed weights become unsigned bytes, a register of packed ones at a time. Widths that divide 8 unpack
/// where they lie: the packed register holds `planes` registers of bytes, plane p the weights p, p + planes,
/// ... The others are spread to bytes in order first.
template <int bits>
struct Packed {
  static constexpr int planes = bits == 2 ? 4 : bits == 4 ? 2 : 1;
  static constexpr int weights = 64 * planes;       // in a register, and
  static constexpr int bytes = weights * bits / 8;  // their bytes in the row
  static constexpr bool in_place = bytes == 64;

  static __m512i load(const std::byte* at) {
    if constexpr (in_place) {
      return _mm512_loadu_si512(at);
    } else {
      return Spread<bits, false>::bytes(_mm512_maskz_loadu_epi8((__mmask64{1} << bytes) - 1, at));
    }
  }

  /// Half a register of each of two rows. Only the first `left` bytes may be read; the weights past them are
  /// zero.
  [[gnu::always_inline]] static __m512i load_halves(const std::byte* a, const std::byte* b,
                                                    std::int64_t left) {
    constexpr std::int64_t half = bytes / 2;
    const std::int64_t used = left < half ? left : half;
    const auto exist = static_cast<__mmask32>((std::uint64_t{1} << used) - 1);
    const __m256i low = used == 32 ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a))
                                   : _mm256_maskz_loadu_epi8(exist, a);
    const __m256i high = used == 32 ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b))
                                    : _mm256_maskz_loadu_epi8(exist, b);
    const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    if constexpr (in_place) {
      return both;
    } else {
      return Spread<bits, true>::bytes(both);
    }
  }

  template <int plane>
  static __m512i plane_of(__m512i packed) {
    if constexpr (planes == 1) {
      return packed;
    } else {
      const __m512i mask = _mm512_set1_epi8((1 << bits) - 1);
      return _mm512_and_si512(plane == 0 ? packed : _mm512_srli_epi32(packed, bits * plane), mask);
    }
  }
};

/// r[i] holds 8 elements of row i in its first half and of row i + 4 in its second, for i < 4; r[i + 4] the
/// same of rows i + 8 and i + 12. Afterwards r[c], lane i is element c of row i.
[[gnu::always_inline]] inline void transpose_halves(__m512i (&r)[8]) {
  __m512i t[8];
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    t[2 * i.value] = _mm512_unpacklo_epi32(r[2 * i.value], r[2 * i.value + 1]);
    t[2 * i.value + 1] = _mm512_unpackhi_epi32(r[2 * i.value], r[2 * i.value + 1]);
  });
  // Element c of four rows and element c + 4 of the same, then both of the four rows after those.
  unroll<2>([&](auto i) __attribute__((always_inline)) {
    constexpr int at = 4 * decltype(i)::value;
    r[at] = _mm512_unpacklo_epi64(t[at], t[at + 2]);
    r[at + 1] = _mm512_unpackhi_epi64(t[at], t[at + 2]);
    r[at + 2] = _mm512_unpacklo_epi64(t[at + 1], t[at + 3]);
    r[at + 3] = _mm512_unpackhi_epi64(t[at + 1], t[at + 3]);
  });
  unroll<4>([&](auto c) __attribute__((always_inline)) {
    const __m512i first = r[c.value];
    r[c.value] = _mm512_shuffle_i32x4(first, r[c.value + 4], 0x88);
    r[c.value + 4] = _mm512_shuffle_i32x4(first, r[c.value + 4], 0xdd);
  });
}

}  // namespace
}  // namespace tramontane
