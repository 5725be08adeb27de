#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/tensor_names.h"
#include "kernels/matrix_view.h"

namespace tramontane {

/// Which quantisation each matrix gets: one for all, or one of mlx-lm's mixed recipes, which spend more bits
/// on the output head, and in some layers on wv and w2.
class Recipe {
 public:
  /// `name`: "" or "mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6", of which the first number stands for
  /// standard.bits. Throws Error for another name, or for a mixed recipe of another mode than affine.
  Recipe(const std::string& name, QuantSpec standard, int n_layers);

  /// Of most matrices: what `quantization` in config.json says first.
  QuantSpec standard() const { return standard_; }
  QuantSpec spec_of(const Place& place) const;

 private:
  QuantSpec standard_;
  int high_bits_ = 0;  // 0: not mixed
  int n_layers_;
};

/// The specification that options name; what is absent is as MLX has it. Throws Error for what MLX does not
/// have.
QuantSpec make_quant_spec(const std::string& mode, std::optional<int> bits, std::optional<int> group_size);

/// "affine", "mxfp4", "mxfp8", "nvfp4"
std::string_view name_of(QuantMode mode);

/// "4-bit affine, groups of 64"
std::string describe(const QuantSpec& spec);

}  // namespace tramontane
