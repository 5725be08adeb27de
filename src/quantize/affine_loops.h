#pragma once
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/float16.h"
#include "quantize/codes.h"
#include "quantize/quantize.h"
#include "quantize/rounding.h"

// What MLX computes, in float32 whatever the type of w: the scale spans the group's range in 2^bits - 1 steps
// and is then bent so that the end further from zero is hit exactly. The codes are of the scale and bias
// before those are rounded to `dtype`. NaN passes by the range and becomes code 0.
namespace tramontane {
namespace {
namespace affine {

constexpr int kRun = 32;    // values at a time; a group is some of them
constexpr int kBatch = 64;  // groups whose scales are computed together
constexpr float kLeastScale = 1e-7F;

template <int lanes>
struct Floats {
  typedef float Type __attribute__((vector_size(lanes * sizeof(float))));
};

/// The halves of a range of each of `lanes` lanes, the lower and the upper lanes, as one of half the lanes.
template <int lanes>
void narrow_range(const float* lows, const float* highs, float* low, float* high) {
  using Half = typename Floats<lanes / 2>::Type;
  Half a, b, c, d;
  std::memcpy(&a, lows, sizeof a);
  std::memcpy(&b, lows + lanes / 2, sizeof b);
  std::memcpy(&c, highs, sizeof c);
  std::memcpy(&d, highs + lanes / 2, sizeof d);
  a = a < b ? a : b;
  c = c > d ? c : d;
  std::memcpy(low, &a, sizeof a);
  std::memcpy(high, &c, sizeof c);
}

/// The least and the greatest of a group. Vectors, since compilers keep the order of comparisons.
void find_range(const float* w, int n, float& low, float& high) {
  constexpr int lanes = 16;
  using Lanes = Floats<lanes>::Type;
  Lanes least = Lanes{} + std::numeric_limits<float>::infinity();
  Lanes most = -least;
  for (int i = 0; i < n; i += lanes) {
    Lanes x;
    std::memcpy(&x, w + i, sizeof x);
    least = x < least ? x : least;
    most = x > most ? x : most;
  }
  float lows[lanes];
  float highs[lanes];
  std::memcpy(lows, &least, sizeof least);
  std::memcpy(highs, &most, sizeof most);
  narrow_range<16>(lows, highs, lows, highs);
  narrow_range<8>(lows, highs, lows, highs);
  narrow_range<4>(lows, highs, lows, highs);
  low = lows[1] < lows[0] ? lows[1] : lows[0];
  high = highs[1] > highs[0] ? highs[1] : highs[0];
}

struct Batch {
  float low[kBatch];
  float high[kBatch];
  float scale[kBatch];
  float bias[kBatch];
};

/// To the nearest integer, ties to even; infinity and NaN as they are.
float round(float x) {
  const float magnitude = std::fabs(x);
  return magnitude < 0x1p23F ? std::copysign((magnitude + 0x1p23F) - 0x1p23F, x) : x;
}

void fit(Batch& batch, int n, float most) {
  for (int g = 0; g < n; g++) {
    const float low = batch.low[g];
    const float high = batch.high[g];
    const float width = (high - low) / most;
    const float step = width < kLeastScale ? kLeastScale : width;
    const bool from_low = std::fabs(low) > std::fabs(high);
    const float edge = from_low ? low : high;
    const float scale = from_low ? step : -step;
    const float steps = round(edge / scale);  // from zero to the edge
    const float bent = edge / steps;
    batch.scale[g] = steps != 0 ? bent : scale;
    batch.bias[g] = steps != 0 ? edge : 0;
  }
}

/// The nearest codes of kRun values. Adding 2^23 rounds to an integer and leaves it in the low bits.
void encode(const float* w, float scale, float bias, float most, std::uint8_t* codes) {
  for (int i = 0; i < kRun; i++) {
    float q = (w[i] - bias) / scale;
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
  for (std::int64_t first = 0; first < groups; first += kBatch) {
    const int n = static_cast<int>(groups - first < kBatch ? groups - first : kBatch);
    Batch batch;
    for (int g = 0; g < n; g++) find_range(w + g * group_size, group_size, batch.low[g], batch.high[g]);
    fit(batch, n, most);
    for (int g = 0; g < n; g++) {
      for (int i = 0; i < group_size; i += kRun, w += kRun, words += kRun * bits / 8) {
        std::uint8_t codes[kRun];
        encode(w, batch.scale[g], batch.bias[g], most, codes);
        pack<bits>(codes, kRun, words);
      }
      store_float(out.scales, dtype, static_cast<std::size_t>(first + g), batch.scale[g]);
      store_float(out.biases, dtype, static_cast<std::size_t>(first + g), batch.bias[g]);
    }
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

void quantize(const float* w, std::int64_t groups, QuantSpec spec, DType dtype, const QuantizedRows& out) {
  with_bits(spec.bits,
            [&](auto bits) { quantize_groups<bits.value>(w, groups, spec.group_size, dtype, out); });
}

void dequantize(const QuantizedRows& in, std::int64_t groups, QuantSpec spec, DType dtype, float* w) {
  with_bits(spec.bits,
            [&](auto bits) { dequantize_groups<bits.value>(in, groups, spec.group_size, dtype, w); });
}

}  // namespace affine
}  // namespace
}  // namespace tramontane
