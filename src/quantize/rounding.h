#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tramontane/dtype.h"

// Rounding of float32 to the values of a 16-bit type, nearest even, in operations that compilers vectorise
// for any machine (core/float16.h has the conversions, one at a time).
namespace tramontane {
namespace {

/// `x` without its last `dropped` bits, rounded; infinity and beyond keep their kind.
template <int dropped>
float round_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t half = (std::uint32_t{1} << (dropped - 1)) - 1;
  return std::bit_cast<float>((bits + half + ((bits >> dropped) & 1)) & ~((std::uint32_t{1} << dropped) - 1));
}

template <DType dtype>
float rounded(float x) {
  if constexpr (dtype == DType::bfloat16) {
    return x == x ? round_bits<16>(x) : std::numeric_limits<float>::quiet_NaN();
  } else if constexpr (dtype == DType::float16) {
    const float magnitude = std::fabs(x);
    const float subnormal = (magnitude + 0.5F) - 0.5F;  // to a multiple of 2^-24
    const float normal = round_bits<13>(magnitude);
    float value = magnitude < 0x1p-14F ? subnormal : normal;
    value = value > 65504 ? std::numeric_limits<float>::infinity() : value;
    value = x == x ? value : x;
    return std::copysign(value, x);
  } else {
    return x;
  }
}

}  // namespace
}  // namespace tramontane
