#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tramontane/dtype.h"

// Scalar conversions of the 16-bit floats. Exact towards float32; to 16 bits they round to nearest, ties to
// even.
namespace tramontane {

inline float bfloat16_to_float(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

inline std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return static_cast<std::uint16_t>((bits >> 16) | 0x40);  // a quiet NaN
  return static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float float16_to_float(std::uint16_t bits) {
  return static_cast<float>(std::bit_cast<_Float16>(bits));
}

inline std::uint16_t float_to_float16(float value) {
  return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
}

/// Element `index` of an array of floats of the given dtype (not uint32) at any alignment.
inline float load_float(const std::byte* data, DType dtype, std::size_t index) {
  if (dtype == DType::float32) {
    float value;
    std::memcpy(&value, data + index * 4, 4);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, data + index * 2, 2);
  return dtype == DType::float16 ? float16_to_float(bits) : bfloat16_to_float(bits);
}

/// Writes `value`, rounded to the dtype, as element `index` of such an array.
inline void store_float(std::byte* data, DType dtype, std::size_t index, float value) {
  if (dtype == DType::float32) {
    std::memcpy(data + index * 4, &value, 4);
    return;
  }
  const std::uint16_t bits = dtype == DType::float16 ? float_to_float16(value) : float_to_bfloat16(value);
  std::memcpy(data + index * 2, &bits, 2);
}

/// `value` rounded to the dtype and back.
inline float round_to(DType dtype, float value) {
  if (dtype == DType::float16) return float16_to_float(float_to_float16(value));
  if (dtype == DType::bfloat16) return bfloat16_to_float(float_to_bfloat16(value));
  return value;
}

}  // namespace tramontane
