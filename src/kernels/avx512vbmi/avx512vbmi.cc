#include "kernels/avx512vnni/products.h"

namespace tramontane {
namespace {

/// Other widths than these are unpacked where they lie.
void linear(const IntegerLinearArgs& args) {
  switch (args.x.spec.quant.bits) {
    case 3:
      return linear_of<3>(args);
    case 5:
      return linear_of<5>(args);
    case 6:
      return linear_of<6>(args);
    default:
      return avx512vnni_products.linear(args);
  }
}

}  // namespace

constinit const IntegerProducts avx512vbmi_products = {
    .quantize_rows = quantize_rows,
    .scratch_floats = scratch_floats,
    .linear = linear,
};

}  // namespace tramontane
