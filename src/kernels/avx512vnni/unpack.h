#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

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
      return spread(_mm512_maskz_loadu_epi8((__mmask64{1} << bytes) - 1, at), kSpread);
    }
  }

  /// Half a register of each of two rows. Only the first `left` bytes may be read; the weights past them are
  /// zero.
  static __m512i load_halves(const std::byte* a, const std::byte* b, std::int64_t left) {
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
      return spread(both, kSpreadHalves);
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

 private:
  struct Spread {
    alignas(64) std::uint16_t words[32];
    alignas(64) std::uint8_t even_bytes[64];
    alignas(64) std::uint8_t odd_bytes[64];
    alignas(64) std::uint16_t even_shifts[32];
    alignas(64) std::uint16_t odd_shifts[32];
  };

  /// A lane of 128 bits takes 16 weights, 2 * bits bytes: `bits` words. The two weights of an output word
  /// each lie in two neighbouring bytes of the lane, which are brought into a word and shifted to their
  /// place.
  static __m512i spread(__m512i raw, const Spread& s) {
    const __m512i lanes = _mm512_permutexvar_epi16(_mm512_load_si512(s.words), raw);
    const __m512i even = _mm512_shuffle_epi8(lanes, _mm512_load_si512(s.even_bytes));
    const __m512i odd = _mm512_shuffle_epi8(lanes, _mm512_load_si512(s.odd_bytes));
    const __m512i low = _mm512_srlv_epi16(even, _mm512_load_si512(s.even_shifts));
    const __m512i high = _mm512_slli_epi16(_mm512_srlv_epi16(odd, _mm512_load_si512(s.odd_shifts)), 8);
    constexpr int mask = (1 << bits) - 1;
    return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi16(mask)),
                           _mm512_and_si512(high, _mm512_set1_epi16(static_cast<short>(mask << 8))));
  }

  /// For bytes in one run, or in two, each at the begin of its half of the register.
  static constexpr Spread make_spread(bool halves) {
    Spread s{};
    for (int lane = 0; lane < 4; ++lane) {
      const int first = halves ? 16 * (lane / 2) + bits * (lane % 2) : bits * lane;
      for (int word = 0; word < 8; ++word) {
        // Past `bits` words a lane repeats its last one, which no weight needs.
        s.words[8 * lane + word] = static_cast<std::uint16_t>(first + (word < bits ? word : bits - 1));
        for (int odd = 0; odd < 2; ++odd) {
          const int bit = (2 * word + odd) * bits;
          auto* out = (odd == 0 ? s.even_bytes : s.odd_bytes) + 16 * lane + 2 * word;
          out[0] = static_cast<std::uint8_t>(bit / 8);
          out[1] = static_cast<std::uint8_t>(bit / 8 + 1);
          (odd == 0 ? s.even_shifts : s.odd_shifts)[8 * lane + word] = static_cast<std::uint16_t>(bit % 8);
        }
      }
    }
    return s;
  }
  static constexpr Spread kSpread = make_spread(false);
  static constexpr Spread kSpreadHalves = make_spread(true);
};

/// r[i], lane j becomes r[j], lane i, of 32 bits each.
[[gnu::always_inline]] inline void transpose(__m512i (&r)[16]) {
  __m512i t[16];
  unroll<8>([&](auto i) __attribute__((always_inline)) {
    t[2 * i.value] = _mm512_unpacklo_epi32(r[2 * i.value], r[2 * i.value + 1]);
    t[2 * i.value + 1] = _mm512_unpackhi_epi32(r[2 * i.value], r[2 * i.value + 1]);
  });
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    constexpr int at = 4 * decltype(i)::value;
    r[at] = _mm512_unpacklo_epi64(t[at], t[at + 2]);
    r[at + 1] = _mm512_unpackhi_epi64(t[at], t[at + 2]);
    r[at + 2] = _mm512_unpacklo_epi64(t[at + 1], t[at + 3]);
    r[at + 3] = _mm512_unpackhi_epi64(t[at + 1], t[at + 3]);
  });
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    t[i.value] = _mm512_shuffle_i32x4(r[i.value], r[i.value + 4], 0x88);
    t[i.value + 4] = _mm512_shuffle_i32x4(r[i.value], r[i.value + 4], 0xdd);
    t[i.value + 8] = _mm512_shuffle_i32x4(r[i.value + 8], r[i.value + 12], 0x88);
    t[i.value + 12] = _mm512_shuffle_i32x4(r[i.value + 8], r[i.value + 12], 0xdd);
  });
  unroll<8>([&](auto i) __attribute__((always_inline)) {
    r[i.value] = _mm512_shuffle_i32x4(t[i.value], t[i.value + 8], 0x88);
    r[i.value + 8] = _mm512_shuffle_i32x4(t[i.value], t[i.value + 8], 0xdd);
  });
}

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
