#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/simd/unroll.h"

namespace tramontane {
namespace {

/// How packed weights become integers, a register of packed ones at a time, in `planes` registers: plane p
/// holds the weights p, p + planes, ... as 16-bit words, or as bytes. Activations are laid out alike.
template <int bits>
struct Packed {
  static constexpr bool in_place = 8 % bits == 0;              // a weight never crosses a byte
  static constexpr int weights = in_place ? 256 / bits : 32;   // in a register, and
  static constexpr int bytes = weights * bits / 8;             // their bytes in the row
  static constexpr int reads = in_place ? 32 : 2 * bits + 16;  // bytes that load touches
  static constexpr int word_planes = weights / 16;
  static constexpr int byte_planes = weights / 32;

  static __m256i load(const std::byte* at) {
    if constexpr (in_place) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    } else {  // 16 weights to each half
      const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 2 * bits));
      return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    }
  }

  template <int plane>
  static __m256i word_plane(__m256i packed) {
    if constexpr (in_place) {
      const __m256i shifted = plane == 0 ? packed : _mm256_srli_epi16(packed, bits * plane);
      if constexpr (plane == word_planes - 1) return shifted;
      return _mm256_and_si256(shifted, _mm256_set1_epi16((1 << bits) - 1));
    } else {
      return spread<plane>(packed);
    }
  }

  /// Of packed weights, or with widths that cross bytes, of `column`.
  template <int plane>
  static __m256i byte_plane(__m256i packed) {
    static_assert(in_place);
    if constexpr (bits == 8) {
      return packed;
    } else {
      const __m256i shifted = plane == 0 ? packed : _mm256_srli_epi16(packed, bits * plane);
      return _mm256_and_si256(shifted, _mm256_set1_epi8((1 << bits) - 1));
    }
  }

  /// In a register of these each 32-bit lane holds neighbouring weights whole, so that registers of several
  /// rows may be transposed.
  using Column = Packed<in_place ? bits : 8>;
  static __m256i column(__m256i packed) {
    if constexpr (in_place) {
      return packed;
    } else {
      return _mm256_or_si256(spread<0>(packed), _mm256_slli_epi16(spread<1>(packed), 8));
    }
  }

 private:
  /// Even or odd weights as words: the two bytes that hold a weight are brought into a word, and a product
  /// with a power of two, a shift to the left, pushes out what lies above it.
  template <int odd>
  static __m256i spread(__m256i packed) {
    alignas(32) static constexpr Spread kSpread = make_spread(odd);
    const auto* places = reinterpret_cast<const __m256i*>(kSpread.bytes);
    const auto* powers = reinterpret_cast<const __m256i*>(kSpread.powers);
    const __m256i words = _mm256_shuffle_epi8(packed, _mm256_load_si256(places));
    return _mm256_srli_epi16(_mm256_mullo_epi16(words, _mm256_load_si256(powers)), 16 - bits);
  }

  struct Spread {
    alignas(32) std::uint8_t bytes[32];
    alignas(32) std::uint16_t powers[16];
  };

  static constexpr Spread make_spread(int odd) {
    Spread s{};
    for (int word = 0; word < 16; ++word) {
      const int bit = (2 * (word % 8) + odd) * bits;
      s.bytes[2 * word] = static_cast<std::uint8_t>(bit / 8);
      s.bytes[2 * word + 1] = static_cast<std::uint8_t>(bit / 8 + 1);
      s.powers[word] = static_cast<std::uint16_t>(1 << (16 - bits - bit % 8));
    }
    return s;
  }
};

/// r[i], lane j becomes r[j], lane i, of 32 bits each.
[[gnu::always_inline]] inline void transpose(__m256i (&r)[8]) {
  __m256i t[8];
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    t[2 * i.value] = _mm256_unpacklo_epi32(r[2 * i.value], r[2 * i.value + 1]);
    t[2 * i.value + 1] = _mm256_unpackhi_epi32(r[2 * i.value], r[2 * i.value + 1]);
  });
  __m256i u[8];
  unroll<2>([&](auto i) __attribute__((always_inline)) {
    constexpr int at = 4 * decltype(i)::value;
    u[at] = _mm256_unpacklo_epi64(t[at], t[at + 2]);
    u[at + 1] = _mm256_unpackhi_epi64(t[at], t[at + 2]);
    u[at + 2] = _mm256_unpacklo_epi64(t[at + 1], t[at + 3]);
    u[at + 3] = _mm256_unpackhi_epi64(t[at + 1], t[at + 3]);
  });
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    r[i.value] = _mm256_permute2x128_si256(u[i.value], u[i.value + 4], 0x20);
    r[i.value + 4] = _mm256_permute2x128_si256(u[i.value], u[i.value + 4], 0x31);
  });
}

}  // namespace
}  // namespace tramontane
