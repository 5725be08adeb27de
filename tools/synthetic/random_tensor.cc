#include "synthetic/random_tensor.h"

#include <cmath>
#include <cstring>
#include <string>

#include "core/float16.h"
#include "core/small_float.h"

namespace tramontane::synthetic {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// splitmix64 as a function of its counter.
struct Stream {
  std::uint64_t key = 0;
  std::uint64_t at(std::uint64_t index) const { return mix(key + (index + 1) * kGolden); }
};

Stream stream_of(std::uint64_t seed, std::string_view tensor, std::string_view part) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const std::string_view text : {tensor, std::string_view("/"), part}) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return {mix(hash ^ mix(seed))};
}

/// In [-0.5, 0.5).
double uniform(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53 - 0.5; }

/// Four 16-bit uniforms added up, with mean 0 and variance 1.
double roughly_normal(std::uint64_t bits) {
  const auto sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  constexpr double kUnit = 37837.22;  // sqrt(4 * (65536^2 - 1) / 12)
  return (static_cast<double>(sum) - 131070.0) / kUnit;
}

template <class Value>
Fill floats(DType dtype, Value value) {
  return [dtype, value](std::uint64_t first, std::span<std::byte> out) {
    const std::size_t width = size_of(dtype);
    for (std::size_t i = 0; i * width < out.size(); i++) {
      const auto exact = static_cast<float>(value(first + i));
      if (dtype == DType::float32) {
        std::memcpy(&out[i * 4], &exact, 4);
      } else {
        const std::uint16_t bits =
            dtype == DType::float16 ? float_to_float16(exact) : float_to_bfloat16(exact);
        std::memcpy(&out[i * 2], &bits, 2);
      }
    }
  };
}

/// Half of the groups have a negative scale, as MLX makes them; magnitudes vary by a factor of three.
double scale_at(Stream stream, QuantSpec spec, double deviation, std::uint64_t group) {
  const double levels = 1 << spec.bits;
  const double step = deviation / std::sqrt((levels * levels - 1) / 12);
  const std::uint64_t bits = stream.at(group);
  const double size = step * (1 + uniform(bits));
  return (bits & 1) != 0 ? -size : size;
}

/// One of two neighbouring powers of two, or something between half and one and a half of `step`.
std::uint8_t small_scale(std::uint64_t bits, QuantMode mode, double step) {
  if (mode == QuantMode::nvfp4) {
    const double wanted = step * (1 + uniform(bits));
    std::uint8_t code = 1;
    while (code < 0x7e && double{e4m3_to_float(static_cast<std::uint8_t>(code + 1))} <= wanted) code++;
    return code;
  }
  int exponent;
  std::frexp(step, &exponent);
  return static_cast<std::uint8_t>(127 + exponent - static_cast<int>(bits & 1));
}

}  // namespace

Fill random_floats(std::uint64_t seed, std::string_view tensor, DType dtype, double mean, double deviation) {
  return floats(dtype, [stream = stream_of(seed, tensor, "weight"), mean, deviation](std::uint64_t i) {
    return mean + deviation * roughly_normal(stream.at(i));
  });
}

Fill random_words(std::uint64_t seed, std::string_view tensor, QuantMode mode) {
  return [stream = stream_of(seed, tensor, "weight"), mode](std::uint64_t first, std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); i += 8) {
      const std::uint64_t bits = stream.at((first + i / 4) / 2);
      std::memcpy(&out[i], &bits, std::min<std::size_t>(8, out.size() - i));
    }
    if (mode != QuantMode::mxfp8) return;
    for (std::byte& element : out) {
      if ((element & std::byte{0x7f}) == std::byte{0x7f}) element ^= std::byte{1};
    }
  };
}

Fill random_scales(std::uint64_t seed, std::string_view tensor, DType dtype, QuantSpec spec,
                   double deviation) {
  return floats(dtype, [stream = stream_of(seed, tensor, "scales"), spec, deviation](std::uint64_t i) {
    return scale_at(stream, spec, deviation, i);
  });
}

Fill random_biases(std::uint64_t seed, std::string_view tensor, DType dtype, QuantSpec spec,
                   double deviation) {
  const Stream scales = stream_of(seed, tensor, "scales");
  const Stream jitter = stream_of(seed, tensor, "biases");
  return floats(dtype, [scales, jitter, spec, deviation](std::uint64_t i) {
    const double middle = ((1 << spec.bits) - 1) * 0.5 + uniform(jitter.at(i));
    return -middle * scale_at(scales, spec, deviation, i);
  });
}

Fill random_small_scales(std::uint64_t seed, std::string_view tensor, QuantMode mode, double deviation) {
  const double of_elements = mode == QuantMode::mxfp8 ? 107.2 : 2.926;  // their deviation
  const double step = deviation / of_elements;
  return [stream = stream_of(seed, tensor, "scales"), mode, step](std::uint64_t first,
                                                                  std::span<std::byte> out) {
    for (std::size_t i = 0; i < out.size(); i++) {
      out[i] = static_cast<std::byte>(small_scale(stream.at(first + i), mode, step));
    }
  };
}

}  // namespace tramontane::synthetic
