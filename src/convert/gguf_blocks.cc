#include "convert/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "checkpoint/ggml_types.h"

namespace tramontane {
namespace {

using Byte = std::uint8_t;

// float16 and back, inline: the compiler's own conversions are calls where it may not assume F16C, and took a
// third of the time. Both shift the fraction into place and move the exponent by a multiplication, which is
// exact.

float half_at(const Byte* bytes) {
  std::uint16_t half;
  std::memcpy(&half, bytes, 2);
  const std::uint32_t magnitude = std::uint32_t{half & 0x7fffU} << 13;
  const bool finite = (half & 0x7c00) != 0x7c00;
  const float value =
      finite ? std::bit_cast<float>(magnitude) * 0x1p112F : std::bit_cast<float>(magnitude | 0x7f800000);
  return (half & 0x8000) != 0 ? -value : value;
}

/// Of a value that float16 holds.
std::uint16_t exact_half(float value) {
  const auto magnitude = std::bit_cast<std::uint32_t>(std::abs(value) * 0x1p-112F);
  return static_cast<std::uint16_t>(magnitude >> 13 | (std::signbit(value) ? 0x8000U : 0U));
}

// Each format unpacks a block to unsigned integers q in the order of the weights, and for each group of
// kGroup of them a scale d, and either a minimum m, w = d * q + m, or (kZero) none, w = d * (q - kZero).

/// `bytes` bytes hold two runs of as many elements: the first in their low halves, the second in the high
/// ones.
void unpack_halves(const Byte* from, std::size_t bytes, Byte* q) {
  for (std::size_t i = 0; i < bytes; i++) q[i] = from[i] & 15;
  for (std::size_t i = 0; i < bytes; i++) q[bytes + i] = from[i] >> 4;
}

/// 32 nibbles, and a fifth bit for each in the 32 bits before them.
void unpack_fifth_bits(const Byte* from, Byte* q) {
  std::uint32_t high;
  std::memcpy(&high, from, 4);
  unpack_halves(from + 4, 16, q);
  for (std::size_t i = 0; i < 32; i++) q[i] |= static_cast<Byte>((high >> i & 1) << 4);
}

struct Q4_0 {
  static constexpr std::uint32_t kType = kQ4_0;
  static constexpr int kBits = 4, kZero = 8;
  static constexpr std::size_t kElements = 32, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* /*m*/) {
    d[0] = half_at(block);
    unpack_halves(block + 2, 16, q);
  }
};

struct Q4_1 {
  static constexpr std::uint32_t kType = kQ4_1;
  static constexpr int kBits = 4, kZero = 0;
  static constexpr std::size_t kElements = 32, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* m) {
    d[0] = half_at(block);
    m[0] = half_at(block + 2);
    unpack_halves(block + 4, 16, q);
  }
};

struct Q5_0 {
  static constexpr std::uint32_t kType = kQ5_0;
  static constexpr int kBits = 5, kZero = 16;
  static constexpr std::size_t kElements = 32, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* /*m*/) {
    d[0] = half_at(block);
    unpack_fifth_bits(block + 2, q);
  }
};

struct Q5_1 {
  static constexpr std::uint32_t kType = kQ5_1;
  static constexpr int kBits = 5, kZero = 0;
  static constexpr std::size_t kElements = 32, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* m) {
    d[0] = half_at(block);
    m[0] = half_at(block + 2);
    unpack_fifth_bits(block + 4, q);
  }
};

struct Q8_0 {
  static constexpr std::uint32_t kType = kQ8_0;
  static constexpr int kBits = 8, kZero = 128;
  static constexpr std::size_t kElements = 32, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* /*m*/) {
    d[0] = half_at(block);
    for (std::size_t i = 0; i < 32; i++)
      q[i] = block[2 + i] ^ 0x80;  // from two's complement to an offset of 128
  }
};

/// Of eight groups: scales d * sc and minima -dmin * m, where sc and m have 6 bits each. The first four of
/// each are the low bits of bytes 0-3 and 4-7; the last four have their low halves in bytes 8-11, their high
/// bits above the others.
void unpack_k_scales(const Byte* block, float* d, float* m) {
  const float scale = half_at(block);
  const float least = half_at(block + 2);
  const Byte* packed = block + 4;
  for (std::size_t j = 0; j < 4; j++) {
    d[j] = scale * static_cast<float>(packed[j] & 63);
    m[j] = -(least * static_cast<float>(packed[4 + j] & 63));
    d[4 + j] = scale * static_cast<float>((packed[8 + j] & 15) | (packed[j] >> 6 << 4));
    m[4 + j] = -(least * static_cast<float>((packed[8 + j] >> 4) | (packed[4 + j] >> 6 << 4)));
  }
}

struct Q4_K {
  static constexpr std::uint32_t kType = kQ4_K;
  static constexpr int kBits = 4, kZero = 0;
  static constexpr std::size_t kElements = 256, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* m) {
    unpack_k_scales(block, d, m);
    for (std::size_t j = 0; j < 4; j++) unpack_halves(block + 16 + 32 * j, 32, q + 64 * j);
  }
};

struct Q5_K {
  static constexpr std::uint32_t kType = kQ5_K;
  static constexpr int kBits = 5, kZero = 0;
  static constexpr std::size_t kElements = 256, kGroup = 32;
  static void unpack(const Byte* block, Byte* q, float* d, float* m) {
    unpack_k_scales(block, d, m);
    const Byte* high = block + 16;  // bit j: of group j
    for (std::size_t j = 0; j < 4; j++) unpack_halves(block + 48 + 32 * j, 32, q + 64 * j);
    for (std::size_t j = 0; j < 8; j++) {
      for (std::size_t i = 0; i < 32; i++) q[32 * j + i] |= static_cast<Byte>((high[i] >> j & 1) << 4);
    }
  }
};

/// 64 bytes of four pairs of bits: of 128 elements each 32 bytes, the lowest bits first.
void unpack_pairs(const Byte* from, Byte* q) {
  for (std::size_t half = 0; half < 2; half++) {
    for (std::size_t j = 0; j < 4; j++) {
      for (std::size_t i = 0; i < 32; i++) {
        q[128 * half + 32 * j + i] = static_cast<Byte>(from[32 * half + i] >> (2 * j) & 3);
      }
    }
  }
}

struct Q2_K {
  static constexpr std::uint32_t kType = kQ2_K;
  static constexpr int kZero = 0;
  static constexpr std::size_t kElements = 256, kGroup = 16;
  static void unpack(const Byte* block, Byte* q, float* d, float* m) {
    const float scale = half_at(block + 80);
    const float least = half_at(block + 82);
    for (std::size_t j = 0; j < 16; j++) {
      d[j] = scale * static_cast<float>(block[j] & 15);
      m[j] = -(least * static_cast<float>(block[j] >> 4));
    }
    unpack_pairs(block + 16, q);
  }
};

struct Q3_K {
  static constexpr std::uint32_t kType = kQ3_K;
  static constexpr int kZero = 4;
  static constexpr std::size_t kElements = 256, kGroup = 16;
  static void unpack(const Byte* block, Byte* q, float* d, float* /*m*/) {
    unpack_pairs(block + 32, q);
    for (std::size_t j = 0; j < 8; j++) {  // the third bits come first in the block
      for (std::size_t i = 0; i < 32; i++) q[32 * j + i] |= static_cast<Byte>((block[i] >> j & 1) << 2);
    }
    const Byte* packed = block + 96;  // four low bits of each scale, then two high ones
    const float scale = half_at(block + 108);
    for (std::size_t j = 0; j < 16; j++) {
      const int low = packed[j % 8] >> (j / 8 * 4) & 15;
      const int high = packed[8 + j % 4] >> (j / 4 * 2) & 3;
      d[j] = scale * static_cast<float>((low | high << 4) - 32);
    }
  }
};

struct Q6_K {
  static constexpr std::uint32_t kType = kQ6_K;
  static constexpr int kZero = 32;
  static constexpr std::size_t kElements = 256, kGroup = 16;
  static void unpack(const Byte* block, Byte* q, float* d, float* /*m*/) {
    for (std::size_t half = 0; half < 2; half++) unpack_halves(block + 64 * half, 64, q + 128 * half);
    std::array<Byte, 256> high;
    unpack_pairs(block + 128, high.data());
    for (std::size_t i = 0; i < 256; i++) q[i] |= static_cast<Byte>(high[i] << 4);
    const float scale = half_at(block + 208);
    for (std::size_t j = 0; j < 16; j++) {
      d[j] = scale * static_cast<float>(static_cast<std::int8_t>(block[192 + j]));
    }
  }
};

template <class Format>
struct Unpacked {
  static constexpr std::size_t kGroups = Format::kElements / Format::kGroup;
  std::array<Byte, Format::kElements> q;
  std::array<float, kGroups> d;
  std::array<float, kGroups> m{};

  explicit Unpacked(const std::byte* block) {
    Format::unpack(reinterpret_cast<const Byte*>(block), q.data(), d.data(), m.data());
  }
};

template <class Format>
constexpr bool has_minimum() {
  return Format::kZero == 0;
}

template <class Format, std::size_t kBytes>
void decode(const std::byte* blocks, std::size_t count, float* out) {
  for (; count > 0; count--, blocks += kBytes) {
    const Unpacked<Format> block(blocks);
    for (std::size_t group = 0; group < block.kGroups; group++) {
      const Byte* q = block.q.data() + group * Format::kGroup;
      const float d = block.d[group];
      const float m = block.m[group];
      for (std::size_t i = 0; i < Format::kGroup; i++) {
        const int integer = q[i] - Format::kZero;
        out[i] =
            has_minimum<Format>() ? d * static_cast<float>(integer) + m : d * static_cast<float>(integer);
      }
      out += Format::kGroup;
    }
  }
}

/// 32 integers to little-endian bit order.
template <int kBits>
std::byte* pack(const Byte* q, std::byte* words) {
  if constexpr (kBits == 8) {
    std::memcpy(words, q, 32);
  } else if constexpr (kBits == 4) {
    for (std::size_t i = 0; i < 16; i++) words[i] = static_cast<std::byte>(q[2 * i] | q[2 * i + 1] << 4);
  } else {
    for (std::size_t run = 0; run < 4; run++) {  // of eight: 5 bytes
      std::uint64_t bits = 0;
      for (std::size_t i = 0; i < 8; i++) bits |= std::uint64_t{q[8 * run + i]} << (5 * i);
      std::memcpy(words + 5 * run, &bits, 5);
    }
  }
  return words + 4 * kBits;
}

template <DType kDType>
std::byte* store(float value, std::byte* to) {
  if constexpr (kDType == DType::float32) {
    std::memcpy(to, &value, 4);
  } else {
    const std::uint16_t bits = exact_half(value);
    std::memcpy(to, &bits, 2);
  }
  return to + size_of(kDType);
}

template <class Format, std::size_t kBytes, DType kDType>
bool carry(const std::byte* blocks, std::size_t count, const QuantizedRows& out) {
  constexpr float kMost = kDType == DType::float16 ? 65504.F : 3.4e38F;
  QuantizedRows to = out;
  bool right = true;
  for (; count > 0; count--, blocks += kBytes) {
    const Unpacked<Format> block(blocks);
    for (std::size_t group = 0; group < block.kGroups; group++) {
      const float scale = block.d[group];
      const float bias = has_minimum<Format>() ? block.m[group] : -scale * Format::kZero;
      right &= std::abs(scale) <= kMost && std::abs(bias) <= kMost;  // false for NaN
      to.words = pack<Format::kBits>(block.q.data() + group * Format::kGroup, to.words);
      to.scales = store<kDType>(scale, to.scales);
      to.biases = store<kDType>(bias, to.biases);
    }
  }
  return right;
}

template <class Format, std::size_t kBytes, DType kDType>
constexpr GgufBlocks carried(std::string_view name) {
  return {Format::kType,
          name,
          Format::kElements,
          kBytes,
          decode<Format, kBytes>,
          true,
          {.bits = Format::kBits, .group_size = 32},
          kDType,
          carry<Format, kBytes, kDType>};
}

template <class Format, std::size_t kBytes>
constexpr GgufBlocks recomputed(std::string_view name, int bits) {
  return {Format::kType,
          name,
          Format::kElements,
          kBytes,
          decode<Format, kBytes>,
          false,
          {.bits = bits, .group_size = 32},
          DType::float16,
          nullptr};
}

constexpr std::array<GgufBlocks, 10> kBlocks = {
    carried<Q4_0, 18, DType::float16>("Q4_0"),  carried<Q4_1, 20, DType::float16>("Q4_1"),
    carried<Q5_0, 22, DType::float16>("Q5_0"),  carried<Q5_1, 24, DType::float16>("Q5_1"),
    carried<Q8_0, 34, DType::float16>("Q8_0"),  carried<Q4_K, 144, DType::float32>("Q4_K"),
    carried<Q5_K, 176, DType::float32>("Q5_K"), recomputed<Q2_K, 84>("Q2_K", 4),
    recomputed<Q3_K, 110>("Q3_K", 4),           recomputed<Q6_K, 210>("Q6_K", 8),
};

}  // namespace

const GgufBlocks* find_gguf_blocks(std::uint32_t type) {
  const auto* blocks =
      std::find_if(kBlocks.begin(), kBlocks.end(), [&](const GgufBlocks& b) { return b.type == type; });
  return blocks == kBlocks.end() ? nullptr : blocks;
}

}  // namespace tramontane
