#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tramontane/dtype.h"

namespace tramontane {

/// MLX's modes of quantisation. affine: each group has a scale and a bias. The others are the OCP
/// microscaling formats and NVIDIA's: elements and scales are small floats, and there is no bias.
enum class QuantMode { affine, mxfp4, mxfp8, nvfp4 };
inline constexpr QuantMode kQuantModes[] = {QuantMode::affine, QuantMode::mxfp4, QuantMode::mxfp8,
                                            QuantMode::nvfp4};

constexpr std::string_view name_of(QuantMode mode) {
  switch (mode) {
    case QuantMode::affine:
      return "affine";
    case QuantMode::mxfp4:
      return "mxfp4";
    case QuantMode::mxfp8:
      return "mxfp8";
    case QuantMode::nvfp4:
      return "nvfp4";
  }
  return "?";
}

/// Each run of `group_size` weights along a row shares a scale. affine: w = scale * q + bias, with q an
/// unsigned integer of `bits` bits. The others: w = scale * q, with q an e2m1 (4 bits) or an e4m3 (mxfp8),
/// and scales e8m0 or, of nvfp4, e4m3 (core/small_float.h).
struct QuantSpec {
  int bits = 0;        // affine: 2, 3, 4, 5, 6 or 8; else as the mode says; 0: not quantised
  int group_size = 0;  // affine: 32, 64 or 128; else as the mode says
  QuantMode mode = QuantMode::affine;
  bool operator==(const QuantSpec&) const = default;
};

/// What MLX takes where only the mode is said; of the modes other than affine, all that there is.
constexpr QuantSpec usual_spec(QuantMode mode) {
  switch (mode) {
    case QuantMode::mxfp4:
      return {.bits = 4, .group_size = 32, .mode = mode};
    case QuantMode::mxfp8:
      return {.bits = 8, .group_size = 32, .mode = mode};
    case QuantMode::nvfp4:
      return {.bits = 4, .group_size = 16, .mode = mode};
    case QuantMode::affine:
      break;
  }
  return {.bits = 4, .group_size = 64};
}

/// View of a weight matrix [rows = outputs, cols = inputs], row-major, where it lies in its checkpoint: at
/// any alignment, and nothing outside its bytes may be read. Trivially copyable; the checkpoint owns the
/// bytes.
///
/// Not quantised: data holds rows * cols elements of `dtype` (float32, float16 or bfloat16).
/// Quantised: data holds, for each row, cols * bits / 8 bytes: q in little-endian bit order, element k at bit
/// k * bits. (MLX stores them as uint32 words, which on a little-endian machine is the same thing.) `scales`
/// and `biases` hold rows * cols / group_size elements of `scale_dtype`; cols is a multiple of group_size. In
/// the modes other than affine scale_dtype is uint8, and there are no biases (null).
struct MatrixView {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  DType dtype = DType::float32;
  const std::byte* data = nullptr;

  QuantSpec quant;
  DType scale_dtype = DType::float32;
  const std::byte* scales = nullptr;
  const std::byte* biases = nullptr;

  bool quantized() const { return quant.bits != 0; }
  bool has_biases() const { return quantized() && quant.mode == QuantMode::affine; }
  std::size_t row_bytes() const {
    const auto n = static_cast<std::size_t>(cols);
    return quantized() ? n * static_cast<std::size_t>(quant.bits) / 8 : n * size_of(dtype);
  }
  std::size_t groups_per_row() const {
    return quantized() ? static_cast<std::size_t>(cols) / static_cast<std::size_t>(quant.group_size) : 0;
  }
  /// All the bytes that a product with this matrix reads.
  std::size_t total_bytes() const {
    const std::size_t numbers_per_group = has_biases() ? 2 : 1;
    return static_cast<std::size_t>(rows) *
           (row_bytes() + numbers_per_group * groups_per_row() * size_of(scale_dtype));
  }
};

}  // namespace tramontane
