#include "quantize/affine.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/float16.h"
#include "quantize/codes.h"
#include "quantize/rounding.h"

// What MLX computes, in float32 whatever the type of w: the scale spans the group's range in 2^bits - 1 steps
// and is then bent so that the end further from zero is hit exactly. The codes are of the scale and bias
// before those are rounded to `dtype`. NaN passes by the range and becomes code 0.
namespace tramontane::affine {
namespace {

constexpr int kRun = 32;  // values at a time; a group is some of them
constexpr int kLanes = 16;
constexpr float kLeastScale = 1e-7F;

struct Line {
  float scale;
  float bias;
};

/// The least and the greatest of a group. Lanes, since the order of comparisons is the compiler's to choose
/// only where the source leaves it open.
void find_range(const float* w, int n, float& low, float& high) {
  float lows[kLanes];
  float highs[kLanes];
  std::fill_n(lows, kLanes, std::numeric_limits<float>::infinity());
  std::fill_n(highs, kLanes, -std::numeric_limits<float>::infinity());
  for (int i = 0; i < n; i += kLanes) {
    for (int lane = 0; lane < kLanes; lane++) {
      const float x = w[i + lane];
      lows[lane] = x < lows[lane] ? x : lows[lane];
      highs[lane] = x > highs[lane] ? x : highs[lane];
    }
  }
  low = *std::min_element(lows, lows + kLanes);
  high = *std::max_element(highs, highs + kLanes);
}

Line fit(const float* w, int n, float most) {
  float low;
  float high;
  find_range(w, n, low, high);
  const bool from_low = std::fabs(low) > std::fabs(high);
  const float step = std::max((high - low) / most, kLeastScale);
  const float scale = from_low ? step : -step;
  const float edge = from_low ? low : high;
  const float steps = std::nearbyint(edge / scale);  // from zero to the edge
  return steps != 0 ? Line{edge / steps, edge} : Line{scale, 0};
}

/// The nearest codes of kRun values. Adding 2^23 rounds to an integer and leaves it in the low bits.
void encode(const float* w, Line line, float most, std::uint8_t* codes) {
  for (int i = 0; i < kRun; i++) {
    float q = (w[i] - line.bias) / line.scale;
    q = q > 0 ? q : 0;
    q = q < most ? q : most;
    codes[i] = static_cast<std::uint8_t>(std::bit_cast<std::uint32_t>(q + 0x1p23F));
  }
}

template <int bits>
void quantize_groups(const float* w, std::int64_t groups, int group_size, DType dtype,
                     const QuantizedRows& out) {
  constexpr float most = (1 << bits) - 1;
  std::byte* words = out.words;
  for (std::int64_t g = 0; g < groups; g++, w += group_size) {
    const Line line = fit(w, group_size, most);
    for (int i = 0; i < group_size; i += kRun, words += kRun * bits / 8) {
      std::uint8_t codes[kRun];
      encode(w + i, line, most, codes);
      pack<bits>(codes, kRun, words);
    }
    store_float(out.scales, dtype, static_cast<std::size_t>(g), line.scale);
    store_float(out.biases, dtype, static_cast<std::size_t>(g), line.bias);
  }
}

template <int bits, DType dtype>
void dequantize_groups(const QuantizedRows& in, std::int64_t groups, int group_size, float* w) {
  const std::byte* words = in.words;
  for (std::int64_t g = 0; g < groups; g++) {
    const float scale = load_float(in.scales, dtype, static_cast<std::size_t>(g));
    const float bias = load_float(in.biases, dtype, static_cast<std::size_t>(g));
    for (int i = 0; i < group_size; i += kRun, words += kRun * bits / 8, w += kRun) {
      std::uint8_t codes[kRun];
      unpack<bits>(words, kRun, codes);
      for (int k = 0; k < kRun; k++) {
        w[k] = rounded<dtype>(rounded<dtype>(static_cast<float>(codes[k]) * scale) + bias);
      }
    }
  }
}

template <int bits>
void dequantize_groups(const QuantizedRows& in, std::int64_t groups, int group_size, DType dtype, float* w) {
  switch (dtype) {
    case DType::float16:
      return dequantize_groups<bits, DType::float16>(in, groups, group_size, w);
    case DType::bfloat16:
      return dequantize_groups<bits, DType::bfloat16>(in, groups, group_size, w);
    default:
      return dequantize_groups<bits, DType::float32>(in, groups, group_size, w);
  }
}

/// body(constant) with the bits as a constant.
template <class Body>
void with_bits(int bits, Body&& body) {
  switch (bits) {
    case 2:
      return body(std::integral_constant<int, 2>());
    case 3:
      return body(std::integral_constant<int, 3>());
    case 4:
      return body(std::integral_constant<int, 4>());
    case 5:
      return body(std::integral_constant<int, 5>());
    case 6:
      return body(std::integral_constant<int, 6>());
    default:
      return body(std::integral_constant<int, 8>());
  }
}

}  // namespace

void quantize(const float* w, std::int64_t groups, QuantSpec spec, DType dtype, const QuantizedRows& out) {
  with_bits(spec.bits,
            [&](auto bits) { quantize_groups<bits.value>(w, groups, spec.group_size, dtype, out); });
}

void dequantize(const QuantizedRows& in, std::int64_t groups, QuantSpec spec, DType dtype, float* w) {
  with_bits(spec.bits,
            [&](auto bits) { dequantize_groups<bits.value>(in, groups, spec.group_size, dtype, w); });
}

}  // namespace tramontane::affine
