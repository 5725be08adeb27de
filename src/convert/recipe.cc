#include "convert/recipe.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/fail.h"

namespace tramontane {
namespace {

struct Mixed {
  std::string_view name;
  int low, high;  // bits
};
constexpr std::array<Mixed, 4> kMixed = {
    {{"mixed_2_6", 2, 6}, {"mixed_3_4", 3, 4}, {"mixed_3_6", 3, 6}, {"mixed_4_6", 4, 6}}};

struct Mode {
  QuantMode mode;
  std::string_view name;
  int bits, group_size;  // of affine: by default
};
constexpr std::array<Mode, 4> kModes = {{{QuantMode::affine, "affine", 4, 64},
                                         {QuantMode::mxfp4, "mxfp4", 4, 32},
                                         {QuantMode::mxfp8, "mxfp8", 8, 32},
                                         {QuantMode::nvfp4, "nvfp4", 4, 16}}};

template <std::size_t N>
void check_one_of(std::string_view what, int value, const std::array<int, N>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  fail("{}: expected one of {}, found {}", what, fmt::join(allowed, ", "), value);
}

}  // namespace

QuantSpec make_quant_spec(const std::string& name, std::optional<int> bits, std::optional<int> group_size) {
  const auto* mode =
      std::find_if(kModes.begin(), kModes.end(), [&](const Mode& row) { return row.name == name; });
  if (mode == kModes.end()) {
    fail("quantisation mode: expected affine, mxfp4, mxfp8 or nvfp4, found {}", printable(name));
  }
  const QuantSpec spec{bits.value_or(mode->bits), group_size.value_or(mode->group_size), mode->mode};
  if (spec.mode == QuantMode::affine) {
    check_one_of("bits", spec.bits, std::array{2, 3, 4, 5, 6, 8});
    check_one_of("group size", spec.group_size, std::array{32, 64, 128});
  } else {
    check_one_of("bits of mode " + name, spec.bits, std::array{mode->bits});
    check_one_of("group size of mode " + name, spec.group_size, std::array{mode->group_size});
  }
  return spec;
}

std::string_view name_of(QuantMode mode) {
  return std::find_if(kModes.begin(), kModes.end(), [&](const Mode& row) { return row.mode == mode; })->name;
}

std::string describe(const QuantSpec& spec) {
  return fmt::format("{}-bit {}, groups of {}", spec.bits, name_of(spec.mode), spec.group_size);
}

Recipe::Recipe(const std::string& name, QuantSpec standard, int n_layers)
    : standard_(standard), n_layers_(n_layers) {
  if (name.empty()) return;
  const auto* mixed =
      std::find_if(kMixed.begin(), kMixed.end(), [&](const Mixed& row) { return row.name == name; });
  if (mixed == kMixed.end()) {
    fail("recipe: expected mixed_2_6, mixed_3_4, mixed_3_6 or mixed_4_6, found {}", printable(name));
  }
  if (standard.mode != QuantMode::affine) fail("recipe {}: expected the affine mode", name);
  standard_.bits = mixed->low;
  high_bits_ = mixed->high;
}

QuantSpec Recipe::spec_of(const Place& place) const {
  if (high_bits_ == 0) return standard_;
  const int eighth = n_layers_ / 8;
  const int layer = place.layer;
  const bool favoured = layer < eighth || layer >= 7 * n_layers_ / 8 || (layer - eighth) % 3 == 2;
  const bool sensitive = place.role == Role::wv || place.role == Role::w2;
  QuantSpec spec = standard_;
  if (place.role == Role::output || (sensitive && favoured)) spec.bits = high_bits_;
  return spec;
}

}  // namespace tramontane
