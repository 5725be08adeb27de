#include "kernels/avx512vnni/products.h"

namespace tramontane {
namespace {

void linear(const IntegerLinearArgs& args) {
  with_bits(args.x.spec.quant, [&]<int bits>(Index<bits>) { linear_of<bits>(args); });
}

}  // namespace

constinit const IntegerProducts avx512vnni_products = {
    .quantize_rows = quantize_rows,
    .scratch_floats = scratch_floats,
    .linear = linear,
};

}  // namespace tramontane
