#include "kernels/neondotprod/direct.h"
#include "kernels/neondotprod/panels.h"
#include "kernels/neondotprod/quantize_rows.h"

namespace tramontane {
namespace {

/// From three rows on, panels take fewer instructions than unpacking the weights again for every two.
template <int bits, int group_size, int limbs>
void linear_as(const IntegerLinearArgs& args) {
  switch (args.x.rows) {
    case 1:
      return linear_direct<bits, group_size, limbs, 1>(args);
    case 2:
      return linear_direct<bits, group_size, limbs, 2>(args);
    default:
      return linear_panels<bits, group_size, limbs>(args);
  }
}

template <int bits, int group_size>
void linear_of(const IntegerLinearArgs& args) {
  if (args.x.spec.limbs == 2) {
    linear_as<bits, group_size, 2>(args);
  } else {
    linear_as<bits, group_size, 1>(args);
  }
}

template <int bits>
void linear_with(const IntegerLinearArgs& args) {
  switch (args.w.quant.group_size) {
    case 32:
      return linear_of<bits, 32>(args);
    case 64:
      return linear_of<bits, 64>(args);
    default:
      return linear_of<bits, 128>(args);
  }
}

void linear(const IntegerLinearArgs& args) {
  switch (args.w.quant.bits) {
    case 2:
      return linear_with<2>(args);
    case 3:
      return linear_with<3>(args);
    case 4:
      return linear_with<4>(args);
    case 5:
      return linear_with<5>(args);
    case 6:
      return linear_with<6>(args);
    default:
      return linear_with<8>(args);
  }
}

std::size_t scratch_floats(const IntegerRows& /*x*/) { return kPanelScratch; }

}  // namespace

constinit const IntegerProducts neondotprod_products = {
    .quantize_rows = quantize_rows,
    .scratch_floats = scratch_floats,
    .linear = linear,
};

}  // namespace tramontane
