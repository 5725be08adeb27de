#pragma once
#include <string>
#include <vector>

#include "quantize/loops.h"
#include "quantize/quantize.h"

namespace tramontane::testing {

/// Rows of a quantised matrix and the memory that they are in. A mode without biases has none.
struct OwnedRows {
  std::vector<std::byte> words, scales, biases;

  OwnedRows(std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype)
      : words(static_cast<std::size_t>(rows) * words_bytes(cols, spec)),
        scales(static_cast<std::size_t>(rows) * scales_bytes(cols, spec, dtype)),
        biases(spec.mode == QuantMode::affine ? scales.size() : 0) {}

  QuantizedRows parts() { return {words.data(), scales.data(), biases.empty() ? nullptr : biases.data()}; }
};

inline void quantize_with(const QuantizeLoops& loops, const std::vector<float>& w, QuantSpec spec,
                          DType dtype, const QuantizedRows& out) {
  const auto groups = static_cast<std::int64_t>(w.size()) / spec.group_size;
  if (spec.mode == QuantMode::affine) {
    loops.quantize_affine(w.data(), groups, spec, dtype, out);
  } else {
    loops.quantize_small_floats(w.data(), groups, spec.mode, dtype, out);
  }
}

inline std::vector<float> dequantize_with(const QuantizeLoops& loops, const QuantizedRows& in,
                                          std::int64_t groups, QuantSpec spec, DType dtype) {
  std::vector<float> w(static_cast<std::size_t>(groups * spec.group_size));
  if (spec.mode == QuantMode::affine) {
    loops.dequantize_affine(in, groups, spec, dtype, w.data());
  } else {
    loops.dequantize_small_floats(in, groups, spec.mode, dtype, w.data());
  }
  return w;
}

/// Every mode, bits and group size.
inline std::vector<QuantSpec> all_specs() {
  std::vector<QuantSpec> specs;
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group_size : {32, 64, 128}) specs.push_back({bits, group_size});
  }
  specs.push_back({4, 32, QuantMode::mxfp4});
  specs.push_back({8, 32, QuantMode::mxfp8});
  specs.push_back({4, 16, QuantMode::nvfp4});
  return specs;
}

}  // namespace tramontane::testing
