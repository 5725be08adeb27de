#pragma once
#include <cstddef>
#include <cstdint>

#include "tramontane/dtype.h"

namespace tramontane {

/// MLX's modes of quantisation. affine: each group has a scale and a bias. The others are the OCP
/// microscaling formats and NVIDIA's: elements and scales are small floats, and there is no bias.
enum class QuantMode { affine, mxfp4, mxfp8, nvfp4 };

/// Each run of `group_size` weights along a row shares a scale. affine: w = scale * q + bias, with q an
/// unsigned integer of `bits` bits.
struct QuantSpec {
  int bits = 0;        // affine: 2, 3, 4, 5, 6 or 8; else as the mode says; 0: not quantised
  int group_size = 0;  // affine: 32, 64 or 128; else as the mode says
  QuantMode mode = QuantMode::affine;
  bool operator==(const QuantSpec&) const = default;
};

/// View of a weight matrix [rows = outputs, cols = inputs], row-major, where it lies in its checkpoint: at
/// any alignment, and nothing outside its bytes may be read. Trivially copyable; the checkpoint owns the
/// bytes.
///
/// Not quantised: data holds rows * cols elements of `dtype` (float32, float16 or bfloat16).
/// Quantised: data holds, for each row, cols * bits / 8 bytes: q in little-endian bit order, element k at bit
/// k * bits. (MLX stores them as uint32 words, which on a little-endian machine is the same thing.) `scales`
/// and `biases` hold rows * cols / group_size elements of `scale_dtype`; cols is a multiple of group_size.
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
  std::size_t row_bytes() const {
    const auto n = static_cast<std::size_t>(cols);
    return quantized() ? n * static_cast<std::size_t>(quant.bits) / 8 : n * size_of(dtype);
  }
  std::size_t groups_per_row() const {
    return quantized() ? static_cast<std::size_t>(cols) / static_cast<std::size_t>(quant.group_size) : 0;
  }
  /// All the bytes that a product with this matrix reads.
  std::size_t total_bytes() const {
    return static_cast<std::size_t>(rows) * (row_bytes() + 2 * groups_per_row() * size_of(scale_dtype));
  }
};

}  // namespace tramontane
