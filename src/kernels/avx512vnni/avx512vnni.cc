#include "kernels/avx512vnni/direct.h"
#include "kernels/avx512vnni/panels.h"
#include "kernels/avx512vnni/quantize_rows.h"
#include "kernels/integer_products.h"

namespace tramontane {
namespace {

template <int bits, int group_size, int limbs>
void linear_as(const IntegerLinearArgs& args) {
  if (in_tiles(args.x)) {
    linear_panels<bits, limbs>(args);
  } else {
    linear_direct<bits, group_size, limbs>(args);
  }
}

void linear(const IntegerLinearArgs& args) {
  const IntegerSpec& spec = args.x.spec;
  with_bits(spec.quant, [&]<int bits>(Index<bits>) {
    with_group_size(spec.quant, [&]<int group_size>(Index<group_size>) {
      with_limbs(spec, [&]<int limbs>(Index<limbs>) { linear_as<bits, group_size, limbs>(args); });
    });
  });
}

std::size_t scratch_floats(const IntegerRows& x) {
  return in_tiles(x) ? panel_scratch_floats(x) : direct_scratch_floats(x);
}

}  // namespace

constinit const IntegerProducts avx512vnni_products = {
    .quantize_rows = quantize_rows,
    .scratch_floats = scratch_floats,
    .linear = linear,
};

}  // namespace tramontane
