#include "sampler/mlx_math.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace tramontane::mlx {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Both ways of rounding are computed and one selected, so that a loop over this has no branches. Any NaN
/// stays one.
float round_to_float16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits & 0x80000000;
  const std::uint32_t magnitude = bits ^ sign;
  // Normal float16: keep 10 of the 23 fraction bits, ties to even; what reaches 2^16 is infinite.
  const std::uint32_t kept = (magnitude + 0xfff + ((magnitude >> 13) & 1)) & 0xffffe000;
  const std::uint32_t normal = kept >= 0x47800000 ? 0x7f800000 : kept;
  // Below 2^-14: multiples of 2^-24, the unit in the last place of 0.5.
  const float small = (std::bit_cast<float>(magnitude) + 0.5f) - 0.5f;
  const std::uint32_t rounded = magnitude < 0x38800000 ? std::bit_cast<std::uint32_t>(small) : normal;
  return std::bit_cast<float>((magnitude > 0x7f800000 ? magnitude : rounded) | sign);
}

float round_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000;
  return std::bit_cast<float>((bits & 0x7fffffff) > 0x7f800000 ? bits : rounded);
}

}  // namespace

void round_row(DType dtype, std::span<float> row) {
  if (dtype == DType::float16) {
    for (float& x : row) x = round_to_float16(x);
  } else if (dtype == DType::bfloat16) {
    for (float& x : row) x = round_to_bfloat16(x);
  }
}

std::size_t argmax(std::span<const float> row) {
  // Independent running maxima, which compilers keep in one vector: a single one would be a chain of
  // dependencies.
  constexpr std::size_t lanes = 16;
  std::array<float, lanes> best;
  best.fill(-infinity);
  std::size_t i = 0;
  for (; i + lanes <= row.size(); i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const float x = row[i + lane];
      best[lane] = x > best[lane] ? x : best[lane];
    }
  }
  float most = *std::max_element(best.begin(), best.end());
  for (; i < row.size(); ++i) most = std::max(most, row[i]);
  return static_cast<std::size_t>(std::find(row.begin(), row.end(), most) - row.begin());
}

bool has_nan(std::span<const float> row) {
  std::uint32_t found = 0;
  for (const float x : row) found |= x != x ? 1U : 0U;
  return found != 0;
}

float exp(float x) {
  if (!(x >= -88.0f)) return std::isnan(x) ? x : 0.0f;
  if (x > 88.0f) return infinity;
  const float exponent = x * 1.442695f;
  const float whole = std::floor(exponent + 0.5f);
  const float fraction = exponent - whole;
  float power = 1.535336188319500e-4f;
  for (const float coefficient : {1.339887440266574e-3f, 9.618437357674640e-3f, 5.550332471162809e-2f,
                                  2.402264791363012e-1f, 6.931472028550421e-1f, 1.0f}) {
    power = std::fma(power, fraction, coefficient);
  }
  const std::int32_t biased = static_cast<std::int32_t>(whole) + 127;
  return std::bit_cast<float>(biased << 23) * power;
}

void to_logprobs(DType dtype, std::span<float> row) {
  const float most = row[argmax(row)];
  float total = most;
  if (!std::isinf(most)) {
    float sum = 0;
    for (const float x : row) sum += exp(x - most);
    total = std::log(sum) + most;
  }
  total = round_to(dtype, total);
  for (float& x : row) x -= total;
  round_row(dtype, row);
}

}  // namespace tramontane::mlx
