#include "kernels/avx512/vec.h"
#include "kernels/integer_products.h"
#include "kernels/simd/attention.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/formats.h"
#include "kernels/simd/linear.h"
#include "kernels/simd/store.h"

namespace tramontane {

constinit const Kernels avx512_kernels = {
    .name = "avx512",
    .linear_scratch_floats = kLinearScratch,
    .linear = linear<Avx512>,
    .decode_row = decode_row<Avx512>,
    .rms_norm = rms_norm<Avx512>,
    .rope = rope,
    .silu_mul = silu_mul<Avx512>,
    .add = add<Avx512>,
    .store = store<Avx512>,
    .attention_scratch_floats = attention_scratch_floats<Avx512>,
    .attention = attention<Avx512>,
    .part_floats = part_floats<Avx512>,
    .attend_piece = attend_piece<Avx512>,
    .merge_pieces = merge_pieces<Avx512>,
    .integer = &avx512_products,
};

}  // namespace tramontane
