#pragma once
#include "kernels/avx512vnni/direct.h"
#include "kernels/avx512vnni/panels.h"
#include "kernels/avx512vnni/quantize_rows.h"
#include "kernels/integer/specialise.h"

namespace tramontane {
namespace {

inline std::size_t scratch_floats(const IntegerRows& x) {
  return in_tiles(x) ? panel_scratch_floats(x) : direct_scratch_floats(x);
}

/// y of weights of `bits` bits.
template <int bits>
void linear_of(const IntegerLinearArgs& args) {
  with_limbs(args.x.spec, [&]<int limbs>(Index<limbs>) {
    if (in_tiles(args.x)) return linear_panels<bits, limbs>(args);
    with_group_size(args.x.spec.quant,
                    [&]<int group_size>(Index<group_size>) { linear_direct<bits, group_size, limbs>(args); });
  });
}

}  // namespace
}  // namespace tramontane
