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

void linear(const IntegerLinearArgs& args) {
  const IntegerSpec& spec = args.x.spec;
  with_bits(spec.quant, [&]<int bits>(Index<bits>) {
    with_group_size(spec.quant, [&]<int group_size>(Index<group_size>) {
      with_limbs(spec, [&]<int limbs>(Index<limbs>) { linear_as<bits, group_size, limbs>(args); });
    });
  });
}

std::size_t scratch_floats(const IntegerRows& /*x*/) { return kPanelScratch; }

}  // namespace

constinit const IntegerProducts neondotprod_products = {
    .quantize_rows = quantize_rows,
    .scratch_floats = scratch_floats,
    .linear = linear,
};

}  // namespace tramontane
