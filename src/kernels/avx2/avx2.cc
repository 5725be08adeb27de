#include "kernels/avx2/vec.h"
#include "kernels/integer_products.h"
#include "kernels/simd/attention.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/formats.h"
#include "kernels/simd/linear.h"
#include "kernels/simd/store.h"

namespace tramontane {

constinit const Kernels avx2_kernels = {
    .name = "avx2",
    .linear_scratch_floats = kLinearScratch,
    .linear = linear<Avx2>,
    .decode_row = decode_row<Avx2>,
    .rms_norm = rms_norm<Avx2>,
    .rope = rope,
    .silu_mul = silu_mul<Avx2>,
    .add = add<Avx2>,
    .store = store<Avx2>,
    .attention_scratch_floats = attention_scratch_floats<Avx2>,
    .attention = attention<Avx2>,
    .part_floats = part_floats<Avx2>,
    .attend_piece = attend_piece<Avx2>,
    .merge_pieces = merge_pieces<Avx2>,
    .integer = &avx2_products,
};

}  // namespace tramontane
