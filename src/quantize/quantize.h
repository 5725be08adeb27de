#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"
#include "tramontane/dtype.h"

// MLX's quantisation to the bit: what mx.quantize and mx.dequantize of MLX 0.32.4 do on the CPU.
namespace tramontane {

/// Where the parts of some consecutive rows of a quantised matrix are, each part row-major and dense. Views.
/// `words`: row_bytes of a MatrixView with the same QuantSpec; `scales` and `biases`: cols / group_size
/// elements a row; the modes other than affine have scales of one byte and no biases (null).
struct QuantizedRows {
  std::byte* words = nullptr;
  std::byte* scales = nullptr;
  std::byte* biases = nullptr;
};

/// Bytes of a row's words, and of its scales (and of its biases: the same, or none).
std::size_t words_bytes(std::int64_t cols, QuantSpec spec);
std::size_t scales_bytes(std::int64_t cols, QuantSpec spec, DType dtype);

/// mx.quantize of w [rows, cols], an array of `dtype` given as float32 values that it can hold. Affine scales
/// and biases are of `dtype`. cols is a multiple of the group size. Plain loops: any thread, no allocation.
void quantize(const float* w, std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype,
              const QuantizedRows& out);

/// mx.dequantize, with its roundings to `dtype` (affine: the type of scales and biases): to w [rows, cols].
void dequantize(const QuantizedRows& in, std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype,
                float* w);

}  // namespace tramontane
