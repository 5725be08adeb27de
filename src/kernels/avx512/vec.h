#pragma once
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/simd/small_float_bits.h"
#include "kernels/simd/unpack.h"
#include "tramontane/dtype.h"

namespace tramontane {
namespace {

/// 16 floats of AVX-512: what the bodies in kernels/simd are written in.
struct Avx512 {
  using V = Avx512;
  static constexpr int lanes = 16;
  static constexpr int tile_rows = 4;    // of x in a tile of dot products: with tile_cols, 24 of 32 registers
  static constexpr int tile_cols = 6;    // of w
  static constexpr int direct_rows = 4;  // of x for which weights are decoded in registers
  static constexpr int plain_cols = 1;   // of float w beside each other for one row of x
  static constexpr int direct_limit = 12;    // rows of x up to which that is faster than decoding to memory
  static constexpr int product_rows = 4;     // of a tile of products.h
  static constexpr int product_vectors = 4;  // of its columns

  __m512 v;

  static V zero() { return {_mm512_setzero_ps()}; }
  static V set(float x) { return {_mm512_set1_ps(x)}; }
  static __mmask16 first(std::int64_t n) { return static_cast<__mmask16>((1U << n) - 1); }

  /// `lanes` elements at any address; with `n` < lanes given, only those are read, and the rest is zero.
  template <DType dtype = DType::float32>
  static V load(const void* p) {
    if constexpr (dtype == DType::float32) return {_mm512_loadu_ps(p)};
    if constexpr (dtype == DType::int8) return integers(_mm_loadu_si128(static_cast<const __m128i*>(p)));
    return widen<dtype>(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  template <DType dtype = DType::float32>
  static V load(const void* p, std::int64_t n) {
    if constexpr (dtype == DType::float32) return {_mm512_maskz_loadu_ps(first(n), p)};
    if constexpr (dtype == DType::int8) return integers(_mm_maskz_loadu_epi8(first(n), p));
    return widen<dtype>(_mm256_maskz_loadu_epi16(first(n), p));
  }

  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(float* p, std::int64_t n) const { _mm512_mask_storeu_ps(p, first(n), v); }

  /// As float16, rounded to nearest even.
  void store_float16(std::byte* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), narrow()); }
  void store_float16(std::byte* p, std::int64_t n) const { _mm256_mask_storeu_epi16(p, first(n), narrow()); }

  /// As integers in [-128, 127], rounded to nearest even.
  void store_int8(std::byte* p) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(v)));
  }

  friend V operator+(V a, V b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend V operator-(V a, V b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend V operator*(V a, V b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend V operator/(V a, V b) { return {_mm512_div_ps(a.v, b.v)}; }
  static V fma(V a, V b, V c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  static V max(V a, V b) { return {_mm512_max_ps(a.v, b.v)}; }  // b where either is NaN
  static V min(V a, V b) { return {_mm512_min_ps(a.v, b.v)}; }  // b where either is NaN
  static V round(V a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }

  /// a * 2^n for whole n, with one rounding.
  static V scale_by_power(V a, V n) { return {_mm512_scalef_ps(a.v, n.v)}; }

  /// The greatest lane.
  static float greatest(V a) { return _mm512_reduce_max_ps(a.v); }

  /// out[i] = the sum of the lanes of the i-th argument, halves added to halves.
  static void sum4(V a, V b, V c, V d, float* out) {
    const __m512 ab =
        _mm512_add_ps(_mm512_shuffle_f32x4(a.v, b.v, 0x44), _mm512_shuffle_f32x4(a.v, b.v, 0xee));
    const __m512 cd =
        _mm512_add_ps(_mm512_shuffle_f32x4(c.v, d.v, 0x44), _mm512_shuffle_f32x4(c.v, d.v, 0xee));
    __m512 sum = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0x4e));
    sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0xb1));
    const __m512i heads = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_permutexvar_ps(heads, sum)));
  }

  /// Chunk `chunk` of the run of packed integers at `run`: see unpack.h.
  template <int bits, int chunk>
  static __m512i unpack(const std::byte* run) {
    if constexpr (bits == 8) {
      return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(run + chunk * lanes)));
    } else {
      using Layout = ChunkLayout<lanes, bits, chunk>;
      const auto& table = kChunkTable<lanes, bits, chunk>;
      __m512i all = broadcast<Layout::load_bytes>(run + Layout::offset);
      if constexpr (Layout::load_bytes > 4) all = _mm512_shuffle_epi8(all, _mm512_load_si512(table.bytes));
      return _mm512_srlv_epi32(all, _mm512_load_si512(table.shifts));
    }
  }

  /// `lanes` bytes as e4m3 (core/small_float.h), by way of float16, which has the same fields, wider.
  static V e4m3(const std::byte* p) {
    const __m256i words = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m256i halves = _mm256_and_si256(_mm256_slli_epi16(words, 7), _mm256_set1_epi16(kSignAndNumber));
    const __mmask16 nan = _mm256_cmpeq_epi16_mask(_mm256_and_si256(halves, _mm256_set1_epi16(0x7fff)),
                                                  _mm256_set1_epi16(kLastNumber));
    const __m256i marked =
        _mm256_mask_add_epi16(halves, nan, halves, _mm256_set1_epi16(kNanHalf - kLastNumber));
    return {_mm512_mul_ps(_mm512_cvtph_ps(marked), _mm512_set1_ps(256))};
  }

  /// `lanes` bytes as e8m0.
  static V e8m0(const std::byte* p) {
    const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return {
        _mm512_castsi512_ps(_mm512_max_epu32(_mm512_slli_epi32(bytes, 23), _mm512_set1_epi32(kLeastPower)))};
  }

  /// e2m1 times a scale, as a function of the packed element; the bits above it are ignored.
  struct E2m1 {
    __m512 products;
    E2m1() = default;
    explicit E2m1(float scale)
        : products(_mm512_mul_ps(_mm512_load_ps(kE2m1Values), _mm512_set1_ps(scale))) {}
    V operator()(__m512i q) const { return {_mm512_permutexvar_ps(q, products)}; }
  };

  /// The weights of one group as a function of the packed integer: fma(q, scale, bias). Up to 5 bits a table
  /// in registers, which also ignores the bits above the value.
  template <int bits>
  struct Group {
    static constexpr bool tabulated = bits <= 5;
    __m512 a;  // the values of 0..15, repeating every 2^bits; or the scale
    __m512 b;  // the values of 16..31; or the bias

    Group() = default;
    Group(float scale, float bias) : a(_mm512_set1_ps(scale)), b(_mm512_set1_ps(bias)) {
      if constexpr (tabulated) {
        const __m512i iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m512 q = _mm512_cvtepi32_ps(_mm512_and_si512(iota, _mm512_set1_epi32((1 << bits) - 1)));
        const __m512 low = _mm512_fmadd_ps(q, a, b);
        b = _mm512_fmadd_ps(_mm512_add_ps(q, _mm512_set1_ps(16)), a, b);
        a = low;
      }
    }

    V operator()(__m512i q) const {
      if constexpr (bits == 5) return {_mm512_permutex2var_ps(a, q, b)};
      if constexpr (bits < 5) return {_mm512_permutexvar_ps(q, a)};
      if constexpr (bits == 6) q = _mm512_and_si512(q, _mm512_set1_epi32(63));
      return {_mm512_fmadd_ps(_mm512_cvtepi32_ps(q), a, b)};
    }
  };

 private:
  template <DType dtype>
  static V widen(__m256i bits) {
    if constexpr (dtype == DType::float16) return {_mm512_cvtph_ps(bits)};
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
  }

  static V integers(__m128i bytes) { return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))}; }

  __m256i narrow() const { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

  template <int bytes>
  static __m512i broadcast(const std::byte* p) {
    if constexpr (bytes == 16) {
      return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    } else if constexpr (bytes == 8) {
      return _mm512_broadcastq_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    } else {
      return _mm512_broadcastd_epi32(_mm_loadu_si32(p));
    }
  }
};

}  // namespace
}  // namespace tramontane
