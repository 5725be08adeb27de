#pragma once
#include <immintrin.h>

#include <cstdint>

// Packed weights whose widths do not divide 8, to bytes in order of k: 64 weights, in 8 * bits bytes in one
// run, or, as `halves`, in two runs, each at the begin of its half of the register.
namespace tramontane {
namespace {

#ifdef __AVX512VBMI__

/// 8 weights are `bits` bytes: they become a lane of 64 bits, from which each output byte takes 8 bits.
template <int bits, bool halves>
class Spread {
 public:
  static __m512i bytes(__m512i packed) {
    alignas(64) static constexpr Tables kTables = make_tables();
    const __m512i lanes = _mm512_permutexvar_epi8(_mm512_load_si512(kTables.sources), packed);
    const __m512i fields = _mm512_multishift_epi64_epi8(_mm512_load_si512(kTables.shifts), lanes);
    return _mm512_and_si512(fields, _mm512_set1_epi8((1 << bits) - 1));
  }

 private:
  struct Tables {
    alignas(64) std::uint8_t sources[64];
    alignas(64) std::uint8_t shifts[64];
  };

  static constexpr Tables make_tables() {
    Tables t{};
    for (int i = 0; i < 64; ++i) {
      const int lane = i / 8;
      const int byte = i % 8;
      const int first = halves ? 32 * (lane / 4) + bits * (lane % 4) : bits * lane;
      // Past `bits` bytes a lane repeats its last one, which no weight needs.
      t.sources[i] = static_cast<std::uint8_t>(first + (byte < bits ? byte : bits - 1));
      t.shifts[i] = static_cast<std::uint8_t>(bits * byte);
    }
    return t;
  }
};

#else

/// A lane of 128 bits takes 16 weights, 2 * bits bytes: `bits` words. The two weights of an output word each
/// lie in two neighbouring bytes of the lane, which are brought into a word and shifted to their place.
template <int bits, bool halves>
class Spread {
 public:
  static __m512i bytes(__m512i packed) {
    alignas(64) static constexpr Tables kTables = make_tables();
    const __m512i lanes = _mm512_permutexvar_epi16(_mm512_load_si512(kTables.words), packed);
    const __m512i even = _mm512_shuffle_epi8(lanes, _mm512_load_si512(kTables.even_bytes));
    const __m512i odd = _mm512_shuffle_epi8(lanes, _mm512_load_si512(kTables.odd_bytes));
    const __m512i low = _mm512_srlv_epi16(even, _mm512_load_si512(kTables.even_shifts));
    const __m512i high = _mm512_slli_epi16(_mm512_srlv_epi16(odd, _mm512_load_si512(kTables.odd_shifts)), 8);
    constexpr int mask = (1 << bits) - 1;
    return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi16(mask)),
                           _mm512_and_si512(high, _mm512_set1_epi16(static_cast<short>(mask << 8))));
  }

 private:
  struct Tables {
    alignas(64) std::uint16_t words[32];
    alignas(64) std::uint8_t even_bytes[64];
    alignas(64) std::uint8_t odd_bytes[64];
    alignas(64) std::uint16_t even_shifts[32];
    alignas(64) std::uint16_t odd_shifts[32];
  };

  static constexpr Tables make_tables() {
    Tables t{};
    for (int lane = 0; lane < 4; ++lane) {
      const int first = halves ? 16 * (lane / 2) + bits * (lane % 2) : bits * lane;
      for (int word = 0; word < 8; ++word) {
        // Past `bits` words a lane repeats its last one, which no weight needs.
        t.words[8 * lane + word] = static_cast<std::uint16_t>(first + (word < bits ? word : bits - 1));
        for (int odd = 0; odd < 2; ++odd) {
          const int bit = (2 * word + odd) * bits;
          auto* out = (odd == 0 ? t.even_bytes : t.odd_bytes) + 16 * lane + 2 * word;
          out[0] = static_cast<std::uint8_t>(bit / 8);
          out[1] = static_cast<std::uint8_t>(bit / 8 + 1);
          (odd == 0 ? t.even_shifts : t.odd_shifts)[8 * lane + word] = static_cast<std::uint16_t>(bit % 8);
        }
      }
    }
    return t;
  }
};

#endif

}  // namespace
}  // namespace tramontane
