#include "convert/plan.h"

#include <algorithm>

#include "convert/permuted_rows.h"
#include "convert/recipe.h"
#include "core/fail.h"

namespace tramontane {
namespace {

bool is_matrix(Role role) {
  return role != Role::attention_norm && role != Role::ffn_norm && role != Role::norm;
}

/// From the first layer's matrices to the head, as the model reads.
std::vector<Place> model_order(const Source& source) {
  std::vector<Place> places;
  places.reserve(source.parameters.size());
  for (const auto& [place, rows] : source.parameters) places.push_back(place);
  const auto rank = [](const Place& place) {
    const int section = place.role == Role::tok_embeddings ? 0 : place.layer >= 0 ? 1 : 2;
    return std::tuple(section, place.layer, place.role);
  };
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) { return rank(a) < rank(b); });
  return places;
}

/// Quantised in MLX's way already.
bool is_mlx(const RowSource& rows) {
  const auto& stored = rows.stored_quant();
  return stored && stored->lossless;
}

/// Of the matrices that are not quantised. (GGUF keeps norms in float32 beside any.)
std::optional<DType> plain_dtype(const Source& source) {
  for (const auto& [place, rows] : source.parameters) {
    if (is_matrix(place.role) && !rows->stored_quant()) return rows->dtype();
  }
  return std::nullopt;
}

class Planner {
 public:
  Planner(const Source& source, const ConvertOptions& options)
      : source_(source), options_(options), family_(family_of(options.format)) {
    if (options.quantize && options.dequantize) fail("expected one of quantize and dequantize, found both");
    if (!options.quantize && !options.recipe.empty()) fail("recipe {}: it needs quantize", options.recipe);
    if (options.dtype && !is_float(*options.dtype)) {
      fail("dtype: expected float16, bfloat16 or float32, found {}", name_of(*options.dtype));
    }
    const bool mlx =
        source.kind == "npz" || std::any_of(source.parameters.begin(), source.parameters.end(),
                                            [](const auto& item) { return is_mlx(*item.second); });
    if (source.kind == "gguf" && options.format == CheckpointFormat::safetensors) {
      for_all_ = plain_dtype(source).value_or(DType::float16);
    } else if (source.kind == "gguf" || (options.format == CheckpointFormat::npz && !mlx)) {
      for_all_ = DType::float16;
    }
    if (options.quantize) {
      recipe_.emplace(options.recipe, make_quant_spec(options.mode, options.bits, options.group_size),
                      source.config.args.n_layers);
      plan_.quantization.standard = recipe_->standard();
    }
  }

  Plan run() {
    for (const Place& place : model_order(source_)) plan_.modules.push_back(module(place));
    finish_quantization();
    return std::move(plan_);
  }

 private:
  PlannedModule module(const Place& place) {
    PlannedModule module;
    module.place = place;
    module.rows = rows_of(place);
    const std::string name = spell(place, family_);
    module.path = prefixed(name.substr(0, name.rfind('.')), place);
    if (is_matrix(place.role)) choose_quantization(module);
    module.dtype = dtype_of(module);
    put_arrays(module);
    note_requantized(module);
    return module;
  }

  /// Hugging Face's names begin with "model." but for the head.
  std::string prefixed(const std::string& path, const Place& place) const {
    return family_ == NameFamily::hugging_face && place.role != Role::output ? "model." + path : path;
  }

  const RowSource* rows_of(const Place& place) {
    const RowSource* rows = source_.parameters.at(place).get();
    const RopeLayout wanted =
        family_ == NameFamily::hugging_face ? RopeLayout::half_split : RopeLayout::interleaved;
    const bool rotated = place.role == Role::wq || place.role == Role::wk;
    if (!rotated || wanted == source_.config.args.rope_layout) return rows;
    plan_.permuted.push_back(permuted_rows(*rows, source_.config.args.head_dim, wanted));
    return plan_.permuted.back().get();
  }

  void choose_quantization(PlannedModule& module) {
    const auto& stored = module.rows->stored_quant();
    if (options_.dequantize) return;
    if (recipe_) module.quant = recipe_->spec_of(module.place);
    if (!recipe_ && stored) module.quant = stored->spec;
    if (module.quant && module.rows->cols() % module.quant->group_size != 0) {
      plan_.warnings.push_back(
          fmt::format("{}: not quantised, as {} columns are no whole number of groups of {}", module.path,
                      module.rows->cols(), module.quant->group_size));
      module.quant.reset();
    }
    module.carried = module.quant && stored && stored->lossless && stored->spec == *module.quant;
  }

  DType dtype_of(const PlannedModule& module) const {
    const auto& stored = module.rows->stored_quant();
    if (stored && module.carried) return stored->scale_dtype;
    if (options_.dtype) return *options_.dtype;
    if (for_all_) return *for_all_;
    return stored ? stored->scale_dtype : module.rows->dtype();
  }

  void put_arrays(PlannedModule& module) const {
    const std::int64_t rows = module.rows->rows();
    const std::int64_t cols = module.rows->cols();
    if (!module.quant) {
      std::vector<std::int64_t> shape = {rows, cols};
      if (!is_matrix(module.place.role)) shape = {cols};
      module.arrays.push_back({module.path + ".weight", module.dtype, shape});
      return;
    }
    const QuantSpec& quant = *module.quant;
    const bool affine = quant.mode == QuantMode::affine;
    const DType scales = affine ? module.dtype : DType::uint8;
    module.arrays.push_back({module.path + ".weight", DType::uint32, {rows, cols * quant.bits / 32}});
    module.arrays.push_back({module.path + ".scales", scales, {rows, cols / quant.group_size}});
    if (affine) module.arrays.push_back({module.path + ".biases", scales, {rows, cols / quant.group_size}});
  }

  void note_requantized(const PlannedModule& module) {
    const auto& stored = module.rows->stored_quant();
    if (!stored) return;
    const std::string to = module.quant ? describe(*module.quant) : std::string(name_of(module.dtype));
    plan_.requantized.push_back({module.path, stored->name, to, module.carried});
  }

  /// The most frequent specification becomes the standard when the options name none; the rest are overrides.
  void finish_quantization() {
    QuantizationConfig& quantization = plan_.quantization;
    if (!quantization.standard) quantization.standard = most_frequent();
    if (!quantization.standard) return;
    for (const PlannedModule& module : plan_.modules) {
      if (!is_matrix(module.place.role) || module.quant == quantization.standard) continue;
      quantization.overrides[module.path] = module.quant;
    }
  }

  std::optional<QuantSpec> most_frequent() const {
    std::optional<QuantSpec> best;
    std::ptrdiff_t most = 0;
    for (const PlannedModule& candidate : plan_.modules) {
      if (!candidate.quant) continue;
      const auto count =
          std::count_if(plan_.modules.begin(), plan_.modules.end(),
                        [&](const PlannedModule& module) { return module.quant == candidate.quant; });
      if (count > most) best = candidate.quant;
      most = std::max(most, count);
    }
    return best;
  }

  const Source& source_;
  const ConvertOptions& options_;
  NameFamily family_;
  std::optional<Recipe> recipe_;
  std::optional<DType> for_all_;  // the type unless the options say otherwise; none: each its own
  Plan plan_;
};

}  // namespace

std::int64_t PlannedModule::bytes() const {
  std::int64_t total = 0;
  for (const TensorHeader& array : arrays) total += static_cast<std::int64_t>(array.bytes());
  return total;
}

NameFamily family_of(CheckpointFormat format) {
  return format == CheckpointFormat::npz ? NameFamily::mistral : NameFamily::hugging_face;
}

Plan make_plan(const Source& source, const ConvertOptions& options) { return Planner(source, options).run(); }

}  // namespace tramontane
