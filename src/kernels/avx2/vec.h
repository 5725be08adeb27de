#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd/small_float_bits.h"
#include "kernels/simd/unpack.h"
#include "tramontane/dtype.h"

namespace tramontane {
namespace {

/// 8 floats of AVX2 with FMA and F16C: what the bodies in kernels/simd are written in.
struct Avx2 {
  using V = Avx2;
  static constexpr int lanes = 8;
  static constexpr int tile_rows = 3;    // of x in a tile of dot products: with tile_cols, 12 of 16 registers
  static constexpr int tile_cols = 4;    // of w
  static constexpr int direct_rows = 2;  // of x for which weights are decoded in registers
  static constexpr int plain_cols = 4;   // of float w beside each other for one row of x
  static constexpr int direct_limit = 4;     // rows of x up to which that is faster than decoding to memory
  static constexpr int product_rows = 4;     // of a tile of products.h
  static constexpr int product_vectors = 2;  // of its columns

  __m256 v;

  static V zero() { return {_mm256_setzero_ps()}; }
  static V set(float x) { return {_mm256_set1_ps(x)}; }

  /// `lanes` elements at any address; with `n` < lanes given, only those are read, and the rest is zero.
  template <DType dtype = DType::float32>
  static V load(const void* p) {
    if constexpr (dtype == DType::float32) return {_mm256_loadu_ps(static_cast<const float*>(p))};
    if constexpr (dtype == DType::int8) return integers(_mm_loadl_epi64(static_cast<const __m128i*>(p)));
    return widen<dtype>(_mm_loadu_si128(static_cast<const __m128i*>(p)));
  }
  template <DType dtype = DType::float32>
  static V load(const void* p, std::int64_t n) {
    if constexpr (dtype == DType::float32)
      return {_mm256_maskload_ps(static_cast<const float*>(p), first(n))};
    alignas(16) std::uint16_t some[lanes] = {};
    std::memcpy(some, p, static_cast<std::size_t>(n) * size_of(dtype));
    const __m128i all = _mm_load_si128(reinterpret_cast<const __m128i*>(some));
    if constexpr (dtype == DType::int8) return integers(all);
    return widen<dtype>(all);
  }

  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void store(float* p, std::int64_t n) const { _mm256_maskstore_ps(p, first(n), v); }

  /// As float16, rounded to nearest even.
  void store_float16(std::byte* p) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), narrow()); }
  void store_float16(std::byte* p, std::int64_t n) const {
    const __m128i all = narrow();
    std::memcpy(p, &all, static_cast<std::size_t>(n) * 2);
  }

  /// As integers in [-128, 127], rounded to nearest even.
  void store_int8(std::byte* p) const {
    const __m256i whole = _mm256_cvtps_epi32(v);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }

  friend V operator+(V a, V b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend V operator-(V a, V b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend V operator*(V a, V b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend V operator/(V a, V b) { return {_mm256_div_ps(a.v, b.v)}; }
  static V fma(V a, V b, V c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  static V max(V a, V b) { return {_mm256_max_ps(a.v, b.v)}; }  // b where either is NaN
  static V min(V a, V b) { return {_mm256_min_ps(a.v, b.v)}; }  // b where either is NaN
  static V round(V a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }

  /// a * 2^n for whole n in [-252, 252]. In two steps, so that 2^n itself may be out of range; the first is
  /// exact for a near 1.
  static V scale_by_power(V a, V n) {
    const __m256i whole = _mm256_cvtps_epi32(n.v);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    return {_mm256_mul_ps(_mm256_mul_ps(a.v, power(half)), power(_mm256_sub_epi32(whole, half)))};
  }

  /// The greatest lane.
  static float greatest(V a) {
    __m128 most = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    most = _mm_max_ps(most, _mm_movehl_ps(most, most));
    return _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most)));
  }

  /// out[i] = the sum of the lanes of the i-th argument, halves added to halves.
  static void sum4(V a, V b, V c, V d, float* out) {
    const __m256 ab =
        _mm256_add_ps(_mm256_permute2f128_ps(a.v, b.v, 0x20), _mm256_permute2f128_ps(a.v, b.v, 0x31));
    const __m256 cd =
        _mm256_add_ps(_mm256_permute2f128_ps(c.v, d.v, 0x20), _mm256_permute2f128_ps(c.v, d.v, 0x31));
    __m256 sum = _mm256_add_ps(_mm256_shuffle_ps(ab, cd, 0x44), _mm256_shuffle_ps(ab, cd, 0xee));
    sum = _mm256_add_ps(sum, _mm256_permute_ps(sum, 0xb1));
    const __m256i heads = _mm256_setr_epi32(0, 4, 2, 6, 0, 0, 0, 0);
    _mm_storeu_ps(out, _mm256_castps256_ps128(_mm256_permutevar8x32_ps(sum, heads)));
  }

  /// Chunk `chunk` of the run of packed integers at `run`: see unpack.h.
  template <int bits, int chunk>
  static __m256i unpack(const std::byte* run) {
    if constexpr (bits == 8) {
      return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(run + chunk * lanes)));
    } else {
      using Layout = ChunkLayout<lanes, bits, chunk>;
      const auto& table = kChunkTable<lanes, bits, chunk>;
      __m256i all = broadcast<Layout::load_bytes>(run + Layout::offset);
      if constexpr (Layout::load_bytes > 4) all = _mm256_shuffle_epi8(all, table_at(table.bytes));
      return _mm256_srlv_epi32(all, table_at(table.shifts));
    }
  }

  /// `lanes` bytes as e4m3 (core/small_float.h), by way of float16, which has the same fields, wider.
  static V e4m3(const std::byte* p) {
    const __m128i words = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    const __m128i halves = _mm_and_si128(_mm_slli_epi16(words, 7), _mm_set1_epi16(kSignAndNumber));
    const __m128i nan =
        _mm_cmpeq_epi16(_mm_and_si128(halves, _mm_set1_epi16(0x7fff)), _mm_set1_epi16(kLastNumber));
    const __m128i marked = _mm_add_epi16(halves, _mm_and_si128(nan, _mm_set1_epi16(kNanHalf - kLastNumber)));
    return {_mm256_mul_ps(_mm256_cvtph_ps(marked), _mm256_set1_ps(256))};
  }

  /// `lanes` bytes as e8m0.
  static V e8m0(const std::byte* p) {
    const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    return {
        _mm256_castsi256_ps(_mm256_max_epu32(_mm256_slli_epi32(bytes, 23), _mm256_set1_epi32(kLeastPower)))};
  }

  /// e2m1 times a scale, as a function of the packed element; the bits above it are ignored. A table of the
  /// magnitudes, and the sign.
  struct E2m1 {
    __m256 products;
    E2m1() = default;
    explicit E2m1(float scale)
        : products(_mm256_mul_ps(_mm256_load_ps(kE2m1Values), _mm256_set1_ps(scale))) {}
    V operator()(__m256i q) const {
      const __m256 sign = _mm256_and_ps(_mm256_castsi256_ps(_mm256_slli_epi32(q, 28)), _mm256_set1_ps(-0.0F));
      return {_mm256_xor_ps(_mm256_permutevar8x32_ps(products, q), sign)};
    }
  };

  /// The weights of one group as a function of the packed integer: fma(q, scale, bias). Up to 3 bits a table
  /// in a register, which also ignores the bits above the value.
  template <int bits>
  struct Group {
    static constexpr bool tabulated = bits <= 3;
    __m256 a;  // the values of 0..7, repeating every 2^bits; or the scale
    __m256 b;  // the bias

    Group() = default;
    Group(float scale, float bias) : a(_mm256_set1_ps(scale)), b(_mm256_set1_ps(bias)) {
      if constexpr (tabulated) {
        const __m256i iota = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i q = _mm256_and_si256(iota, _mm256_set1_epi32((1 << bits) - 1));
        a = _mm256_fmadd_ps(_mm256_cvtepi32_ps(q), a, b);
      }
    }

    V operator()(__m256i q) const {
      if constexpr (tabulated) return {_mm256_permutevar8x32_ps(a, q)};
      if constexpr (bits < 8) q = _mm256_and_si256(q, _mm256_set1_epi32((1 << bits) - 1));
      return {_mm256_fmadd_ps(_mm256_cvtepi32_ps(q), a, b)};
    }
  };

 private:
  static __m256i first(std::int64_t n) {
    const __m256i iota = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), iota);
  }

  template <DType dtype>
  static V widen(__m128i bits) {
    if constexpr (dtype == DType::float16) return {_mm256_cvtph_ps(bits)};
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
  }

  static V integers(__m128i bytes) { return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))}; }

  __m128i narrow() const { return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

  static __m256 power(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }

  static __m256i table_at(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }

  template <int bytes>
  static __m256i broadcast(const std::byte* p) {
    static_assert(bytes == 8 || bytes == 4);
    if constexpr (bytes == 8) {
      return _mm256_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    } else {
      return _mm256_broadcastd_epi32(_mm_loadu_si32(p));
    }
  }
};

}  // namespace
}  // namespace tramontane
