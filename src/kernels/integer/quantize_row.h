#pragma once
#include <cstdint>

#include "kernels/integer_products.h"

// What every table does alike when activations become integers: the rule of a group's scale, and the order in
// which a row is taken.
namespace tramontane {
namespace {

/// What a group leaves beside its integers.
struct GroupScale {
  float scale;
  float sum;  // scale * the sum of the integers
};

/// The integers of a group are x * inverse, rounded, or all zero.
struct GroupRule {
  bool usable;
  float inverse;  // 0 where not usable
  float scale;    // 0 where the group counts as zero, NaN where an element is not finite

  /// `most`: the group's largest magnitude, NaN if one of them is not finite.
  GroupRule(float most, int limbs) {
    constexpr float kLeastMagnitude = 1e-30F;  // below it 1 / scale could overflow
    const float steps = limbs == 2 ? 32512.0F : 127.0F;
    usable = most >= kLeastMagnitude;  // false for NaN too
    inverse = usable ? steps / most : 0.0F;
    scale = usable ? most / steps : most < kLeastMagnitude ? 0.0F : most;
  }

  GroupScale with_total(int total) const { return {scale, scale * static_cast<float>(total)}; }
};

/// Where the scales and sums of a row's groups lie.
struct RowScales {
  float* scales;
  float* sums;
  std::int64_t stride = 1;  // from a group to the next
};

/// A row of x, a unit of whole groups and whole blocks of `block` elements at a time: quantize(group, i)
/// makes the integers of a group, whose place is i in the unit, and returns its GroupScale; then store(i)
/// takes each block from its place i in the unit to where the table likes it. No unit has more than 256
/// elements; what the last one has beyond the row is whatever was there.
template <int block, class Quantize, class Store>
[[gnu::always_inline]] inline void quantize_row(const float* x, const IntegerRows& out, const RowScales& to,
                                                Quantize&& quantize, Store&& store) {
  const int group_size = out.spec.quant.group_size;
  const int unit = group_size > block ? group_size : block;  // both are powers of two
  const std::int64_t groups = out.groups();
  for (std::int64_t g = groups; g < out.padded_groups(); ++g)
    to.scales[g * to.stride] = to.sums[g * to.stride] = 0;
  for (std::int64_t g = 0; g < groups;) {
    for (int i = 0; i < unit && g < groups; i += group_size, ++g) {
      const GroupScale group = quantize(x + g * group_size, i);
      to.scales[g * to.stride] = group.scale;
      to.sums[g * to.stride] = group.sum;
    }
    for (int i = 0; i < unit; i += block) store(i);
  }
}

}  // namespace
}  // namespace tramontane
