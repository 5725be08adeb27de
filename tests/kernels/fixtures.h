#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/float16.h"
#include "kernels/kernels.h"

// What the kernel tests share: random data from fixed seeds, matrices of every format, aligned scratch.
namespace tramontane::testing {

inline std::vector<float> random_floats(std::size_t n, unsigned seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

inline void append(std::vector<std::byte>& bytes, float value, DType dtype) {
  const std::uint16_t half = dtype == DType::float16 ? float_to_float16(value) : float_to_bfloat16(value);
  std::byte raw[4];
  if (dtype == DType::float32) {
    std::memcpy(raw, &value, 4);
  } else {
    std::memcpy(raw, &half, 2);
  }
  bytes.insert(bytes.end(), raw, raw + size_of(dtype));
}

struct WeightFormat {
  DType dtype = DType::float32;  // of plain weights, or of scales
  QuantSpec quant = {};

  std::string name() const {
    const std::string type(name_of(dtype));
    if (quant.bits == 0) return type;
    if (quant.mode != QuantMode::affine) return std::string(name_of(quant.mode));
    return std::to_string(quant.bits) + "-bit groups of " + std::to_string(quant.group_size) + " " + type;
  }
};

inline const std::vector<WeightFormat>& plain_formats() {
  static const std::vector<WeightFormat> formats = {{DType::float32}, {DType::float16}, {DType::bfloat16}};
  return formats;
}

/// All bits, groups and scale dtypes: 54.
inline std::vector<WeightFormat> affine_formats() {
  std::vector<WeightFormat> formats;
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group_size : {32, 64, 128}) {
      for (const WeightFormat& scales : plain_formats())
        formats.push_back({scales.dtype, {bits, group_size}});
    }
  }
  return formats;
}

/// The modes of small floats.
inline std::vector<WeightFormat> small_float_formats() {
  std::vector<WeightFormat> formats;
  for (const QuantMode mode : kQuantModes) {
    if (mode != QuantMode::affine) formats.push_back({DType::uint8, usual_spec(mode)});
  }
  return formats;
}

inline std::vector<WeightFormat> quantized_formats() {
  std::vector<WeightFormat> formats = affine_formats();
  for (const WeightFormat& format : small_float_formats()) formats.push_back(format);
  return formats;
}

/// A random matrix with its bytes. Weights have a spread near 1 / 16; half of the scales are negative.
struct Matrix {
  MatrixView view;
  std::vector<std::byte> data, scales, biases;

  Matrix(const WeightFormat& format, std::int64_t rows, std::int64_t cols, unsigned seed) {
    view = {.rows = rows,
            .cols = cols,
            .dtype = format.dtype,
            .quant = format.quant,
            .scale_dtype = format.dtype};
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, 1.0F / 16);
    const auto count = static_cast<std::size_t>(rows * cols);
    if (!view.quantized()) {
      for (std::size_t i = 0; i < count; ++i) append(data, normal(random), format.dtype);
    } else {
      view.dtype = DType::uint32;
      data.resize(static_cast<std::size_t>(rows) * view.row_bytes());
      for (std::byte& byte : data) byte = static_cast<std::byte>(random());
      if (!view.has_biases()) make_small_floats(random);
      const auto levels = static_cast<float>((1 << format.quant.bits) - 1);
      const std::size_t groups = count / static_cast<std::size_t>(format.quant.group_size);
      for (std::size_t i = 0; view.has_biases() && i < groups; ++i) {
        const float scale = (random() % 2 == 0 ? 1.0F : -1.0F) * (0.2F + std::abs(normal(random))) / levels;
        append(scales, scale, format.dtype);
        append(biases, -scale * levels / 2 + normal(random) / 8, format.dtype);
      }
    }
    point_to(data.data(), scales.data(), biases.data());
  }

  /// Scales of a few sizes, and no elements that are NaN.
  void make_small_floats(std::mt19937& random) {
    const unsigned sixteenth = view.quant.mode == QuantMode::nvfp4 ? 3U << 3 : 123;
    const unsigned less = view.quant.mode == QuantMode::mxfp8 ? 6 : 0;  // e4m3 goes up to 448
    scales.resize(static_cast<std::size_t>(view.rows) * view.groups_per_row());
    for (std::byte& scale : scales) scale = static_cast<std::byte>(sixteenth - less - random() % 3);
    if (view.quant.mode != QuantMode::mxfp8) return;
    for (std::byte& element : data) {
      if ((element & std::byte{0x7f}) == std::byte{0x7f}) element ^= std::byte{1};
    }
  }

  void point_to(const std::byte* d, const std::byte* s, const std::byte* b) {
    view.data = d;
    view.scales = s;
    view.biases = b;
  }
};

/// The bytes at `shift` of a longer vector.
inline std::vector<std::byte> moved(const std::vector<std::byte>& bytes, std::size_t shift) {
  std::vector<std::byte> copy(bytes.size() + shift);
  std::copy(bytes.begin(), bytes.end(), copy.begin() + static_cast<std::ptrdiff_t>(shift));
  return copy;
}

/// Uninitialised floats at a multiple of 64 bytes, filled with NaN so that use before writing shows.
class Scratch {
 public:
  explicit Scratch(std::size_t n, float fill = NAN) : floats_(n + 16, fill) {
    const auto address = reinterpret_cast<std::uintptr_t>(floats_.data());
    data_ = floats_.data() + (64 - address % 64) % 64 / sizeof(float);
  }
  float* data() { return data_; }

 private:
  std::vector<float> floats_;
  float* data_;
};

/// The tables to be tested against the scalar one.
inline std::vector<const Kernels*> vector_kernels() {
  std::vector<const Kernels*> tables;
  for (const Kernels* table : runnable_kernels()) {
    if (table != &scalar_kernels) tables.push_back(table);
  }
  return tables;
}

/// Equal as bits, so that NaN equals itself and 0 differs from -0.
inline ::testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << a.size() << " values and " << b.size();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) {
      return ::testing::AssertionFailure() << "at " << i << ": " << a[i] << " and " << b[i];
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace tramontane::testing
