#include "quantize/quantize.h"

#include "quantize/affine.h"
#include "quantize/small_floats.h"

namespace tramontane {

std::size_t words_bytes(std::int64_t cols, QuantSpec spec) {
  return static_cast<std::size_t>(cols) * static_cast<std::size_t>(spec.bits) / 8;
}

std::size_t scales_bytes(std::int64_t cols, QuantSpec spec, DType dtype) {
  const auto groups = static_cast<std::size_t>(cols / spec.group_size);
  return spec.mode == QuantMode::affine ? groups * size_of(dtype) : groups;
}

void quantize(const float* w, std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype,
              const QuantizedRows& out) {
  const std::int64_t groups = rows * (cols / spec.group_size);
  if (spec.mode == QuantMode::affine) return affine::quantize(w, groups, spec, dtype, out);
  small_floats::quantize(w, groups, spec.mode, dtype, out);
}

void dequantize(const QuantizedRows& in, std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype,
                float* w) {
  const std::int64_t groups = rows * (cols / spec.group_size);
  if (spec.mode == QuantMode::affine) return affine::dequantize(in, groups, spec, dtype, w);
  small_floats::dequantize(in, groups, spec.mode, dtype, w);
}

}  // namespace tramontane
