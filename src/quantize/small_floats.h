#pragma once
#include "quantize/quantize.h"

// The modes mxfp4, mxfp8 and nvfp4 of quantize.h, whose contracts hold.
namespace tramontane::small_floats {

void quantize(const float* w, std::int64_t groups, QuantMode mode, DType dtype, const QuantizedRows& out);
void dequantize(const QuantizedRows& in, std::int64_t groups, QuantMode mode, DType dtype, float* w);

}  // namespace tramontane::small_floats
