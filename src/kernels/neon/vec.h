#pragma once
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/simd/small_float_bits.h"
#include "kernels/simd/unpack.h"
#include "tramontane/dtype.h"

namespace tramontane {
namespace {

/// 8 floats in two registers of NEON, as base ARMv8-A has it: what the bodies in kernels/simd are written in.
/// Two registers rather than one halve the terms that a lane sums up, and there are 32 of them.
struct Neon {
  using V = Neon;
  static constexpr int lanes = 8;
  static constexpr int tile_rows = 2;    // of x in a tile of dot products: with tile_cols, 24 of 32 registers
  static constexpr int tile_cols = 6;    // of w
  static constexpr int direct_rows = 2;  // of x for which weights are decoded in registers
  static constexpr int plain_cols = 4;   // of float w beside each other for one row of x
  static constexpr int direct_limit = 4;     // rows of x up to which that is taken for faster than memory
  static constexpr int product_rows = 4;     // of a tile of products.h
  static constexpr int product_vectors = 2;  // of its columns

  float32x4_t low;
  float32x4_t high;

  static V zero() { return set(0); }
  static V set(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }

  /// `lanes` elements at any address; with `n` < lanes given, only those are read, and the rest is zero.
  template <DType dtype = DType::float32>
  static V load(const void* p) {
    const auto* bytes = static_cast<const std::uint8_t*>(p);
    if constexpr (dtype == DType::float32) {
      return {vreinterpretq_f32_u8(vld1q_u8(bytes)), vreinterpretq_f32_u8(vld1q_u8(bytes + 16))};
    } else if constexpr (dtype == DType::int8) {
      const int16x8_t words = vmovl_s8(vreinterpret_s8_u8(vld1_u8(bytes)));
      return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(words))), vcvtq_f32_s32(vmovl_high_s16(words))};
    } else {
      return widen<dtype>(vreinterpretq_u16_u8(vld1q_u8(bytes)));
    }
  }
  template <DType dtype = DType::float32>
  static V load(const void* p, std::int64_t n) {
    std::byte some[lanes * size_of(dtype)] = {};
    std::memcpy(some, p, static_cast<std::size_t>(n) * size_of(dtype));
    return load<dtype>(some);
  }

  void store(float* p) const {
    vst1q_f32(p, low);
    vst1q_f32(p + 4, high);
  }
  void store(float* p, std::int64_t n) const {
    float all[lanes];
    store(all);
    std::memcpy(p, all, static_cast<std::size_t>(n) * sizeof(float));
  }

  /// As float16, rounded to nearest even.
  void store_float16(std::byte* p) const {
    vst1q_u8(reinterpret_cast<std::uint8_t*>(p), vreinterpretq_u8_f16(narrow()));
  }
  void store_float16(std::byte* p, std::int64_t n) const {
    const float16x8_t all = narrow();
    std::memcpy(p, &all, static_cast<std::size_t>(n) * 2);
  }

  /// As integers in [-128, 127], rounded to nearest even.
  void store_int8(std::byte* p) const {
    const int16x8_t words = vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(low)), vcvtnq_s32_f32(high));
    vst1_u8(reinterpret_cast<std::uint8_t*>(p), vreinterpret_u8_s8(vqmovn_s16(words)));
  }

  friend V operator+(V a, V b) { return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)}; }
  friend V operator-(V a, V b) { return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)}; }
  friend V operator*(V a, V b) { return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)}; }
  friend V operator/(V a, V b) { return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)}; }
  static V fma(V a, V b, V c) { return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)}; }
  static V max(V a, V b) {
    return {greater(a.low, b.low), greater(a.high, b.high)};
  }  // b where either is NaN
  static V min(V a, V b) {
    return {smaller(a.low, b.low), smaller(a.high, b.high)};
  }  // b where either is NaN
  static V round(V a) { return {vrndnq_f32(a.low), vrndnq_f32(a.high)}; }

  /// a * 2^n for whole n in [-252, 252]. In two steps, so that 2^n itself may be out of range; the first is
  /// exact for a near 1.
  static V scale_by_power(V a, V n) { return {scaled(a.low, n.low), scaled(a.high, n.high)}; }

  /// The greatest lane.
  static float greatest(V a) { return vmaxvq_f32(vmaxq_f32(a.low, a.high)); }

  /// out[i] = the sum of the lanes of the i-th argument, halves added to halves.
  static void sum4(V a, V b, V c, V d, float* out) {
    const float32x4_t a4 = vaddq_f32(a.low, a.high);
    const float32x4_t b4 = vaddq_f32(b.low, b.high);
    const float32x4_t c4 = vaddq_f32(c.low, c.high);
    const float32x4_t d4 = vaddq_f32(d.low, d.high);
    const float32x4_t ab = vaddq_f32(low_halves(a4, b4), high_halves(a4, b4));
    const float32x4_t cd = vaddq_f32(low_halves(c4, d4), high_halves(c4, d4));
    vst1q_f32(out, vpaddq_f32(ab, cd));
  }

  struct Integers {
    uint32x4_t low;
    uint32x4_t high;
  };

  /// Chunk `chunk` of the run of packed integers at `run`: see unpack.h.
  template <int bits, int chunk>
  static Integers unpack(const std::byte* run) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(run);
    if constexpr (bits == 8) {
      const uint16x8_t all = vmovl_u8(vld1_u8(bytes + chunk * lanes));
      return {vmovl_u16(vget_low_u16(all)), vmovl_high_u16(all)};
    } else {
      using Layout = ChunkLayout<lanes, bits, chunk>;
      const auto& table = kChunkTable<lanes, bits, chunk>;
      Integers all = broadcast<Layout::load_bytes>(bytes + Layout::offset);
      if constexpr (Layout::load_bytes > 4) {
        all = {shuffled(all.low, table.bytes), shuffled(all.high, table.bytes + 16)};
      }
      return {shifted_right(all.low, table.shifts), shifted_right(all.high, table.shifts + 4)};
    }
  }

  /// `lanes` bytes as e4m3 (core/small_float.h), by way of float16, which has the same fields, wider.
  static V e4m3(const std::byte* p) {
    const int16x8_t words = vmovl_s8(vreinterpret_s8_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(p))));
    const uint16x8_t halves =
        vandq_u16(vreinterpretq_u16_s16(vshlq_n_s16(words, 7)), vdupq_n_u16(kSignAndNumber & 0xffff));
    const uint16x8_t nan = vceqq_u16(vandq_u16(halves, vdupq_n_u16(0x7fff)), vdupq_n_u16(kLastNumber));
    const uint16x8_t marked = vaddq_u16(halves, vandq_u16(nan, vdupq_n_u16(kNanHalf - kLastNumber)));
    return widen<DType::float16>(marked) * set(256);
  }

  /// `lanes` bytes as e8m0.
  static V e8m0(const std::byte* p) {
    const uint16x8_t words = vmovl_u8(vld1_u8(reinterpret_cast<const std::uint8_t*>(p)));
    return {power_of_two(vmovl_u16(vget_low_u16(words))), power_of_two(vmovl_high_u16(words))};
  }

  /// e2m1 times a scale, as a function of the packed element; the bits above it are ignored. The upper two
  /// bytes of the float come from a table.
  struct E2m1 {
    uint8x16x2_t bytes;
    float32x4_t scale;
    E2m1() = default;
    explicit E2m1(float s) : bytes{vld1q_u8(kE2m1Bytes), vld1q_u8(kE2m1Bytes + 16)}, scale(vdupq_n_f32(s)) {}
    V operator()(Integers q) const { return {product(q.low), product(q.high)}; }

   private:
    float32x4_t product(uint32x4_t q) const {
      const uint32x4_t code = vandq_u32(q, vdupq_n_u32(15));
      // Index of the top byte: code; of the next: 16 + code; of the others: past the table, which gives 0.
      const uint32x4_t indices = vmlaq_u32(vdupq_n_u32(0x0010ffff), code, vdupq_n_u32(0x01010000));
      return vmulq_f32(vreinterpretq_f32_u8(vqtbl2q_u8(bytes, vreinterpretq_u8_u32(indices))), scale);
    }
  };

  /// The weights of one group as a function of the packed integer: fma(q, scale, bias).
  template <int bits>
  struct Group {
    float32x4_t scale;
    float32x4_t bias;

    Group() = default;
    Group(float s, float b) : scale(vdupq_n_f32(s)), bias(vdupq_n_f32(b)) {}

    V operator()(Integers q) const { return {weights(q.low), weights(q.high)}; }

   private:
    float32x4_t weights(uint32x4_t q) const {
      if constexpr (bits < 8) q = vandq_u32(q, vdupq_n_u32((1 << bits) - 1));
      return vfmaq_f32(bias, vcvtq_f32_u32(q), scale);
    }
  };

 private:
  template <DType dtype>
  static V widen(uint16x8_t bits) {
    if constexpr (dtype == DType::float16) {
      const float16x8_t halves = vreinterpretq_f16_u16(bits);
      return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
    } else {
      return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(bits), 16)),
              vreinterpretq_f32_u32(vshll_high_n_u16(bits, 16))};
    }
  }

  float16x8_t narrow() const { return vcvt_high_f16_f32(vcvt_f16_f32(low), high); }

  static float32x4_t power_of_two(uint32x4_t bits) {
    return vreinterpretq_f32_u32(vmaxq_u32(vshlq_n_u32(bits, 23), vdupq_n_u32(kLeastPower)));
  }

  // The instructions for it return NaN where either is NaN.
  static float32x4_t greater(float32x4_t a, float32x4_t b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static float32x4_t smaller(float32x4_t a, float32x4_t b) { return vbslq_f32(vcltq_f32(a, b), a, b); }

  static float32x4_t power(int32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
  }
  static float32x4_t scaled(float32x4_t a, float32x4_t n) {
    const int32x4_t whole = vcvtnq_s32_f32(n);
    const int32x4_t half = vshrq_n_s32(whole, 1);
    return vmulq_f32(vmulq_f32(a, power(half)), power(vsubq_s32(whole, half)));
  }

  static float32x4_t low_halves(float32x4_t a, float32x4_t b) {
    return vcombine_f32(vget_low_f32(a), vget_low_f32(b));
  }
  static float32x4_t high_halves(float32x4_t a, float32x4_t b) {
    return vcombine_f32(vget_high_f32(a), vget_high_f32(b));
  }

  static uint32x4_t shuffled(uint32x4_t a, const std::uint8_t* order) {
    return vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(a), vld1q_u8(order)));
  }
  static uint32x4_t shifted_right(uint32x4_t a, const std::uint32_t* by) {
    return vshlq_u32(a, vnegq_s32(vreinterpretq_s32_u32(vld1q_u32(by))));
  }

  template <int bytes>
  static Integers broadcast(const std::uint8_t* p) {
    static_assert(bytes == 8 || bytes == 4);
    uint32x4_t all;
    if constexpr (bytes == 8) {
      std::uint64_t value;
      std::memcpy(&value, p, sizeof value);
      all = vreinterpretq_u32_u64(vdupq_n_u64(value));
    } else {
      std::uint32_t value;
      std::memcpy(&value, p, sizeof value);
      all = vdupq_n_u32(value);
    }
    return {all, all};
  }
};

}  // namespace
}  // namespace tramontane
