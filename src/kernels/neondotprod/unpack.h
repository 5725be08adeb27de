#pragma once
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/integer_products.h"
#include "kernels/simd/unroll.h"

namespace tramontane {
namespace {

/// Where the activations lie that the chunks of a group meet.
template <int planes, bool halves>
struct Activations {
  static constexpr int chunks = halves ? 2 : planes;  // whose weights share bytes

  /// In IntegerRows::high and low, where the group at column k of a row starts.
  static std::int64_t place_of(const IntegerRows& x, std::int64_t row, std::int64_t k) {
    constexpr std::int64_t block = 64 * planes;
    return row * x.row_bytes() + k / block * block + k % block / planes;
  }

  /// Those of chunk c of the group's i-th run of chunks; `group` is where the group's first plane starts.
  template <int c>
  [[gnu::always_inline]] static int8x16_t load(const std::int8_t* group, std::int64_t i) {
    if constexpr (halves) {
      return vcombine_s8(vld1_s8(group + 128 * c), vld1_s8(group + 128 * c + 64));
    } else {
      return vld1q_s8(group + 64 * c + 16 * i);
    }
  }
};

/// How the weights of a group become registers ("chunks") of 16 signed bytes, and which 16 activations each
/// of them meets. A packet is the bytes that a few chunks share. Weights of up to 6 bits are what they are;
/// those of 8 bits have 128 subtracted (`offset`), which their group's bias makes good.
template <int bits, int group_size>
struct Packet {
  static constexpr int planes = bits == 2 ? 4 : bits == 4 ? 2 : 1;
  // A group of 32 weights of 2 bits does not fill a register: its planes are halves of chunks.
  static constexpr bool halves = bits == 2 && group_size == 32;
  static constexpr int chunks = halves ? 2 : planes > 1 ? planes : bits == 8 ? 1 : 2;
  static constexpr int per_group = group_size / (16 * chunks);
  static constexpr int bytes = 2 * bits * chunks;
  static constexpr int offset = bits == 8 ? 128 : 0;
  using X = Activations<planes, halves>;

  /// Chunk c of the packet at `at`, of which nothing outside its bytes is read.
  template <int c>
  [[gnu::always_inline]] static int8x16_t weights(const std::byte* at) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(at);
    if constexpr (bits == 8) {
      return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(offset)));
    } else if constexpr (halves) {
      const uint8x16_t both = vcombine_u8(vld1_u8(from), vshr_n_u8(vld1_u8(from), 2));
      return masked(shifted_right<4 * c>(both));
    } else if constexpr (planes > 1) {
      const uint8x16_t shifted = shifted_right<bits * c>(vld1q_u8(from));
      return c == planes - 1 ? vreinterpretq_s8_u8(shifted) : masked(shifted);
    } else {
      return spread<c>(from);
    }
  }

  /// What chunk c of the group's packet i meets.
  template <int c>
  [[gnu::always_inline]] static int8x16_t activations(const std::int8_t* group, std::int64_t i) {
    if constexpr (planes == 1) {
      return X::template load<0>(group, chunks * i + c);
    } else {
      return X::template load<c>(group, i);
    }
  }

 private:
  template <int by>
  static uint8x16_t shifted_right(uint8x16_t a) {
    if constexpr (by == 0) return a;
    return vshrq_n_u8(a, by == 0 ? 1 : by);
  }
  static int8x16_t masked(uint8x16_t a) {
    return vreinterpretq_s8_u8(vandq_u8(a, vdupq_n_u8((1 << bits) - 1)));
  }

  /// How 16 weights come out of 16 loaded bytes: two neighbouring bytes hold two weights, which are shifted
  /// to their byte each.
  struct Spread {
    std::uint8_t bytes[16];
    std::int16_t low_shifts[8];
    std::int16_t high_shifts[8];
  };
  // Weights of 3 bits are loaded all at once. The others take the first and the last 16 bytes of the packet.
  template <int c>
  static constexpr int load_offset = bits == 3 || c == 0 ? 0 : bytes - 16;

  template <int c>
  static constexpr Spread make_spread() {
    Spread s{};
    for (int i = 0; i < 8; ++i) {
      const int bit = (16 * c + 2 * i) * bits - 8 * load_offset<c>;
      s.bytes[2 * i] = static_cast<std::uint8_t>(bit / 8);
      s.bytes[2 * i + 1] = static_cast<std::uint8_t>(bit / 8 + 1);
      s.low_shifts[i] = static_cast<std::int16_t>(-(bit % 8));
      s.high_shifts[i] = static_cast<std::int16_t>(8 - bits - bit % 8);
    }
    return s;
  }

  template <int c>
  static uint8x16_t load(const std::uint8_t* from) {
    if constexpr (bits == 3) {
      std::uint32_t last;
      std::memcpy(&last, from + 8, sizeof last);
      return vcombine_u8(vld1_u8(from), vcreate_u8(last));
    } else {
      return vld1q_u8(from + load_offset<c>);
    }
  }

  template <int c>
  static int8x16_t spread(const std::uint8_t* from) {
    static constexpr Spread kSpread = make_spread<c>();
    const uint16x8_t pairs = vreinterpretq_u16_u8(vqtbl1q_u8(load<c>(from), vld1q_u8(kSpread.bytes)));
    const uint16x8_t low = vshlq_u16(pairs, vld1q_s16(kSpread.low_shifts));
    const uint16x8_t high = vshlq_u16(pairs, vld1q_s16(kSpread.high_shifts));
    return masked(vreinterpretq_u8_u16(vbslq_u16(vdupq_n_u16(0xff), low, high)));
  }
};

/// r[i], lane j becomes r[j], lane i, of 32 bits each.
[[gnu::always_inline]] inline void transpose(float32x4_t (&r)[4]) {
  const float64x2_t a = vreinterpretq_f64_f32(vzip1q_f32(r[0], r[1]));
  const float64x2_t b = vreinterpretq_f64_f32(vzip1q_f32(r[2], r[3]));
  const float64x2_t c = vreinterpretq_f64_f32(vzip2q_f32(r[0], r[1]));
  const float64x2_t d = vreinterpretq_f64_f32(vzip2q_f32(r[2], r[3]));
  r[0] = vreinterpretq_f32_f64(vzip1q_f64(a, b));
  r[1] = vreinterpretq_f32_f64(vzip2q_f64(a, b));
  r[2] = vreinterpretq_f32_f64(vzip1q_f64(c, d));
  r[3] = vreinterpretq_f32_f64(vzip2q_f64(c, d));
}

}  // namespace
}  // namespace tramontane
