#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

// The small floats of the OCP microscaling formats (OCP Microscaling Formats (MX) Specification 1.0) and of
// NVIDIA's, read as MLX reads them. Exact.
namespace tramontane {

/// A sign, two bits of exponent, one of mantissa: the low four bits of `bits`.
inline float e2m1_to_float(unsigned bits) {
  const float magnitude = (bits & 6) != 0 ? std::bit_cast<float>(((bits & 7) << 22) + (126U << 23))
                                          : static_cast<float>(bits & 1) * 0.5F;
  return (bits & 8) != 0 ? -magnitude : magnitude;
}

/// A sign, four bits of exponent, three of mantissa; no infinities, and only the last magnitude is NaN.
inline float e4m3_to_float(std::uint8_t bits) {
  const std::uint32_t code = bits & 0x7fU;
  const float number = (code & 0x78) != 0 ? std::bit_cast<float>((code << 20) + (120U << 23))
                                          : static_cast<float>(code) * 0x1p-9F;
  const float magnitude = code == 0x7f ? std::numeric_limits<float>::quiet_NaN() : number;
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

/// A power of two: 2^(bits - 127). The pattern that the specification calls NaN is infinity.
inline float e8m0_to_float(std::uint8_t bits) {
  return std::bit_cast<float>(bits == 0 ? std::uint32_t{1} << 22 : std::uint32_t{bits} << 23);
}

}  // namespace tramontane
