#include "quantize/affine_loops.h"
#include "quantize/loops.h"
#include "quantize/small_float_loops.h"

namespace tramontane {

constinit const QuantizeLoops avx512_quantize_loops = {
    .name = "avx512",
    .quantize_affine = affine::quantize,
    .dequantize_affine = affine::dequantize,
    .quantize_small_floats = small_floats::quantize,
    .dequantize_small_floats = small_floats::dequantize,
};

}  // namespace tramontane
