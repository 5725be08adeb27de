#include "kernels/neon/vec.h"
#include "kernels/simd/attention.h"
#include "kernels/simd/elementwise.h"
#include "kernels/simd/formats.h"
#include "kernels/simd/linear.h"
#include "kernels/simd/store.h"

namespace tramontane {

constinit const Kernels neon_kernels = {
    .name = "neon",
    .linear_scratch_floats = kLinearScratch,
    .linear = linear<Neon>,
    .decode_row = decode_row<Neon>,
    .rms_norm = rms_norm<Neon>,
    .rope = rope,
    .silu_mul = silu_mul<Neon>,
    .add = add<Neon>,
    .store = store<Neon>,
    .attention_scratch_floats = attention_scratch_floats<Neon>,
    .attention = attention<Neon>,
    .part_floats = part_floats<Neon>,
    .attend_piece = attend_piece<Neon>,
    .merge_pieces = merge_pieces<Neon>,
};

}  // namespace tramontane
