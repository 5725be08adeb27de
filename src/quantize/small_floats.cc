#include "quantize/small_floats.h"

#include <bit>
#include <cmath>
#include <type_traits>

#include "core/small_float.h"
#include "quantize/codes.h"
#include "quantize/rounding.h"

// What MLX computes, each step rounded to the type of w: the scale is what takes the greatest magnitude of a
// group to the greatest element, rounded to its own format (the mx modes: up), and the elements are the
// nearest to w / scale.
namespace tramontane::small_floats {
namespace {

template <QuantMode mode>
struct Format {
  static constexpr int group_size = mode == QuantMode::nvfp4 ? 16 : 32;
  static constexpr int bits = mode == QuantMode::mxfp8 ? 8 : 4;
  static constexpr float greatest = bits == 8 ? 448 : 6;
};

constexpr std::uint8_t kNotFinite = 128;

struct Scale {
  std::uint8_t code;
  float value;
};

/// The nearest e4m3, ties to even; 448 also for what is greater, and for NaN.
std::uint8_t to_e4m3(float x) {
  constexpr std::uint32_t most = 0x7e;
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  // Rounded to 3 bits of mantissa, and the exponent's bias changed from 127 to 7.
  const std::uint32_t normal = ((magnitude + 0x7ffff + ((magnitude >> 20) & 1)) >> 20) - (120 << 3);
  // Rounded to a multiple of 2^-9, which is how far apart the floats above 2^14 are.
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0x1p14F) & 15;
  std::uint32_t code = magnitude < std::bit_cast<std::uint32_t>(0x1p-6F) ? subnormal : normal;
  code = magnitude < std::bit_cast<std::uint32_t>(448.0F) ? code : most;
  return static_cast<std::uint8_t>(code | (bits >> 31 << 7));
}

/// The nearest e2m1 of |x| < kFarOut. Between two, the one nearer to zero; and zero has no sign.
constexpr float kFarOut = 0x1p22F;

std::uint8_t to_e2m1(float x) {
  const float a = std::fabs(x);
  const int code = (a > 0.25F) + (a > 0.75F) + (a > 1.25F) + (a > 1.75F) + (a > 2.5F) + (a > 3.5F) + (a > 5);
  return static_cast<std::uint8_t>(code | (x < -0.25F ? 8 : 0));
}

/// The same for any x, as the first of the least distances in float32. Far out all are alike, and it is zero.
std::uint8_t to_e2m1_by_distance(float x) {
  unsigned best = 0;
  for (unsigned code = 1; code < 16; code++) {
    if (std::fabs(x - e2m1_to_float(code)) < std::fabs(x - e2m1_to_float(best))) best = code;
  }
  return static_cast<std::uint8_t>(best);
}

/// The greatest magnitude; NaN if there is one.
float greatest_of(const float* w, int n) {
  std::uint32_t most = 0;
  for (int i = 0; i < n; i++) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(w[i]) & 0x7fffffff;
    most = magnitude > most ? magnitude : most;
  }
  return std::bit_cast<float>(most);
}

/// The least power of two that is no less.
template <DType dtype>
Scale power_of_two(float scale) {
  if (scale == 0) return {.code = 127, .value = 1};
  // MLX converts an exponent that is not finite to an integer, as x86 does it.
  if (!std::isfinite(scale))
    return {.code = dtype == DType::float32 ? kNotFinite : std::uint8_t{0}, .value = 0};
  int exponent;
  if (std::frexp(scale, &exponent) == 0.5F) exponent--;
  return {.code = static_cast<std::uint8_t>(exponent + 127),  // below -127 it wraps
          .value = std::ldexp(1.0F, exponent)};
}

template <QuantMode mode, DType dtype>
Scale scale_of(float greatest) {
  const float scale = rounded<dtype>(greatest / Format<mode>::greatest);
  if constexpr (mode == QuantMode::nvfp4) {
    const std::uint8_t code = to_e4m3(scale);
    return {.code = code, .value = e4m3_to_float(code)};
  } else {
    return power_of_two<dtype>(scale);
  }
}

template <QuantMode mode, DType dtype>
void quantize_group(const float* w, std::byte* words, std::byte* scale) {
  using F = Format<mode>;
  const float greatest = greatest_of(w, F::group_size);
  const Scale s = scale_of<mode, dtype>(greatest);
  const float divisor = s.value;
  std::uint8_t codes[F::group_size];
  if (F::bits == 8) {
    for (int i = 0; i < F::group_size; i++) codes[i] = to_e4m3(rounded<dtype>(w[i] / divisor));
  } else if (greatest / divisor < kFarOut) {
    for (int i = 0; i < F::group_size; i++) codes[i] = to_e2m1(rounded<dtype>(w[i] / divisor));
  } else {
    for (int i = 0; i < F::group_size; i++) codes[i] = to_e2m1_by_distance(rounded<dtype>(w[i] / divisor));
  }
  pack<F::bits>(codes, F::group_size, words);
  *scale = std::byte{s.code};
}

template <QuantMode mode, DType dtype>
void dequantize_group(const std::byte* words, std::byte scale, float* w) {
  using F = Format<mode>;
  const auto code = std::to_integer<std::uint8_t>(scale);
  const float s = rounded<dtype>(mode == QuantMode::nvfp4 ? e4m3_to_float(code) : e8m0_to_float(code));
  std::uint8_t codes[F::group_size];
  unpack<F::bits>(words, F::group_size, codes);
  for (int i = 0; i < F::group_size; i++) {
    w[i] = rounded<dtype>((F::bits == 8 ? e4m3_to_float(codes[i]) : e2m1_to_float(codes[i])) * s);
  }
}

/// body(mode, dtype) with both as constants.
template <class Body>
void with_constants(QuantMode mode, DType dtype, Body&& body) {
  const auto with_dtype = [&](auto m) {
    switch (dtype) {
      case DType::float16:
        return body(m, std::integral_constant<DType, DType::float16>());
      case DType::bfloat16:
        return body(m, std::integral_constant<DType, DType::bfloat16>());
      default:
        return body(m, std::integral_constant<DType, DType::float32>());
    }
  };
  switch (mode) {
    case QuantMode::mxfp4:
      return with_dtype(std::integral_constant<QuantMode, QuantMode::mxfp4>());
    case QuantMode::mxfp8:
      return with_dtype(std::integral_constant<QuantMode, QuantMode::mxfp8>());
    default:
      return with_dtype(std::integral_constant<QuantMode, QuantMode::nvfp4>());
  }
}

}  // namespace

void quantize(const float* w, std::int64_t groups, QuantMode mode, DType dtype, const QuantizedRows& out) {
  with_constants(mode, dtype, [&](auto m, auto type) {
    using F = Format<m.value>;
    for (std::int64_t g = 0; g < groups; g++) {
      quantize_group<m.value, type.value>(w + g * F::group_size,
                                          out.words + g * (F::group_size * F::bits / 8), out.scales + g);
    }
  });
}

void dequantize(const QuantizedRows& in, std::int64_t groups, QuantMode mode, DType dtype, float* w) {
  with_constants(mode, dtype, [&](auto m, auto type) {
    using F = Format<m.value>;
    for (std::int64_t g = 0; g < groups; g++) {
      dequantize_group<m.value, type.value>(in.words + g * (F::group_size * F::bits / 8), in.scales[g],
                                            w + g * F::group_size);
    }
  });
}

}  // namespace tramontane::small_floats
