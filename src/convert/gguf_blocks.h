#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/matrix_view.h"
#include "quantize/quantize.h"

// The block formats of ggml, as numbers and as groups of MLX's affine quantisation.
//
// Of Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K and Q5_K each run of 32 weights along a row is an affine group,
// w = scale * q + bias. Carried over, the same q, scale and bias give, computed in float32, the very values
// that ggml's reference gives (a zero may differ in its sign): with q of at most 8 bits,
// - Q4_0, Q5_0, Q8_0: ggml has d * (q - z), z = 8, 16 or 128; here d * q + (-z d). d has 11 bits, so both
// products
//   and their sum, of at most 19 bits, are exact.
// - Q4_1, Q5_1: ggml has d * q + m, and so have we. The product is exact; the sum rounds, the same in both.
// - Q4_K, Q5_K: ggml has (d sc) * q - (dmin m), with sc and m of 6 bits. d sc and dmin m have 17 bits, so
// float32 holds
//   them, and float16 does not; the product has 22 and is exact; the sum rounds, the same in both.
namespace tramontane {

/// How blocks of one of ggml's types are read. All pointers at any alignment; any thread, no allocation.
struct GgufBlocks {
  std::uint32_t type;
  std::string_view name;
  std::size_t elements, bytes;  // of a block
  /// Consecutive blocks as float32: the values of ggml's reference, to the bit.
  void (*decode)(const std::byte* blocks, std::size_t count, float* out);

  bool lossless;      // carry() exists
  QuantSpec spec;     // that it is carried over to; else what to quantise it to, with no fewer bits
  DType scale_dtype;  // of carried scales and biases, which it holds exactly
  /// Consecutive blocks of a row or of consecutive rows to the layout of `out`. False when a scale is not
  /// finite, or a bias lies beyond float16: then `out` is not what the blocks say.
  bool (*carry)(const std::byte* blocks, std::size_t count, const QuantizedRows& out);
};

/// Null for types that are not quantised or not supported.
const GgufBlocks* find_gguf_blocks(std::uint32_t type);

}  // namespace tramontane
