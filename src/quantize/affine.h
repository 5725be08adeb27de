#pragma once
#include "quantize/quantize.h"

// The affine mode of quantize.h, whose contracts hold.
namespace tramontane::affine {

void quantize(const float* w, std::int64_t groups, QuantSpec spec, DType dtype, const QuantizedRows& out);
void dequantize(const QuantizedRows& in, std::int64_t groups, QuantSpec spec, DType dtype, float* w);

}  // namespace tramontane::affine
