#include "model/weights.h"

#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "checkpoint/tensor_names.h"
#include "core/fail.h"
#include "core/float16.h"

namespace tramontane {
namespace {

bool is_norm(Role role) {
  return role == Role::attention_norm || role == Role::ffn_norm || role == Role::norm;
}

[[noreturn]] void wrong(const TensorView& tensor, std::string_view expected, std::string_view found) {
  fail("{}: tensor {}: expected {}, found {}", tensor.file, printable(tensor.name), expected, found);
}

std::string summary(const TensorView& tensor) {
  const std::string dtype =
      tensor.other_dtype.empty() ? std::string(name_of(tensor.dtype)) : printable(tensor.other_dtype);
  return dtype + " " + to_string(tensor.shape);
}

void check_float(const TensorView& tensor, const Shape& shape) {
  const bool fits = tensor.other_dtype.empty() && is_float(tensor.dtype) && tensor.shape == shape;
  if (fits) return;
  wrong(tensor, fmt::format("float32, float16 or bfloat16 {}", to_string(shape)), summary(tensor));
}

void check_integers(const TensorView& tensor, DType dtype, const Shape& shape) {
  if (tensor.other_dtype.empty() && tensor.dtype == dtype && tensor.shape == shape) return;
  wrong(tensor, fmt::format("{} {}, as config.json says", name_of(dtype), to_string(shape)), summary(tensor));
}

/// Scales and biases, or the lack of them, as the mode has them.
void check_scales(QuantSpec spec, const TensorView& scales, const TensorView* biases, const Shape& shape) {
  if (spec.mode != QuantMode::affine) {
    const std::string in_mode = fmt::format(" (quantisation mode '{}')", name_of(spec.mode));
    if (biases != nullptr) wrong(*biases, "no biases" + in_mode, "some");
    return check_integers(scales, DType::uint8, shape);
  }
  if (biases == nullptr) wrong(scales, "biases beside the scales (affine quantisation)", "none");
  check_float(scales, shape);
  check_float(*biases, shape);
  if (scales.dtype != biases->dtype) wrong(*biases, name_of(scales.dtype), name_of(biases->dtype));
}

/// " (and 3 more)"
std::string others(std::size_t count) { return count > 1 ? fmt::format(" (and {} more)", count - 1) : ""; }

/// A checkpoint's tensors by their place in the model, and what its configuration says of the quantisation of
/// each.
class Loader {
 public:
  explicit Loader(const Checkpoint& checkpoint)
      : checkpoint_(checkpoint),
        args_(checkpoint.config().args),
        quantization_(checkpoint.config().quantization) {
    place_tensors();
    check_complete();
    for (const auto& [module, spec] : quantization_.overrides) {
      const TensorName name = parse_tensor_name(module + ".weight");
      if (name.kind == TensorName::Kind::parameter) overrides_[name.place] = spec;
    }
  }

  MatrixView matrix(Role role, int layer, std::int64_t rows, std::int64_t cols) const {
    const Place place{role, layer, Part::weight};
    const TensorView& weight = *find(place);
    const TensorView* scales = find({role, layer, Part::scales});
    const TensorView* biases = find({role, layer, Part::biases});
    MatrixView view;
    view.rows = rows;
    view.cols = cols;
    view.dtype = weight.dtype;
    view.data = weight.bytes.data();
    if (scales == nullptr) {
      if (biases != nullptr) wrong(*biases, "scales beside the biases", "none");
      const auto explicitly = overrides_.find(place);
      if (explicitly != overrides_.end() && explicitly->second) {
        wrong(weight, "it quantised, as config.json says", "no scales");
      }
      check_float(weight, {rows, cols});
      return view;
    }
    const QuantSpec spec = spec_of(place, *scales);
    if (cols % spec.group_size != 0) {
      wrong(weight, fmt::format("a group size that divides its {} columns", cols),
            std::to_string(spec.group_size));
    }
    check_integers(weight, DType::uint32, {rows, cols * spec.bits / 32});
    check_scales(spec, *scales, biases, {rows, cols / spec.group_size});
    view.quant = spec;
    view.scale_dtype = scales->dtype;
    view.scales = scales->bytes.data();
    if (biases != nullptr) view.biases = biases->bytes.data();
    return view;
  }

  std::vector<float> norm(Role role, int layer) const {
    const TensorView& tensor = *find({role, layer, Part::weight});
    check_float(tensor, {args_.dim});
    std::vector<float> values(static_cast<std::size_t>(args_.dim));
    for (std::size_t i = 0; i < values.size(); i++) {
      values[i] = load_float(tensor.bytes.data(), tensor.dtype, i);
      if (!std::isfinite(values[i])) {
        wrong(tensor, "finite numbers", fmt::format("{} at index {}", values[i], i));
      }
    }
    return values;
  }

  DType norm_dtype() const { return find({Role::norm, -1, Part::weight})->dtype; }

  RopeLayout rope_layout() const {
    return family_ == NameFamily::hugging_face ? RopeLayout::half_split : RopeLayout::interleaved;
  }

 private:
  const TensorView* find(const Place& place) const {
    const auto at = tensors_.find(place);
    return at == tensors_.end() ? nullptr : at->second;
  }

  void place_tensors() {
    std::vector<const TensorView*> extra;
    for (const TensorView& tensor : checkpoint_.tensors()) {
      const TensorName name = parse_tensor_name(tensor.name);
      if (name.kind == TensorName::Kind::harmless || name.kind == TensorName::Kind::vision) continue;
      const bool norm_part = is_norm(name.place.role) && name.place.part != Part::weight;
      if (name.kind == TensorName::Kind::unknown || norm_part || name.place.layer >= args_.n_layers) {
        extra.push_back(&tensor);
      } else {
        place_tensor(tensor, name);
      }
    }
    if (extra.empty()) return;
    fail("{}: tensor {}: not a part of the {}-layer dense model that {} describes{}", extra[0]->file,
         printable(extra[0]->name), args_.n_layers, checkpoint_.config_name(), others(extra.size()));
  }

  void place_tensor(const TensorView& tensor, const TensorName& name) {
    if (name.family != NameFamily::either) {
      if (family_ != NameFamily::either && family_ != name.family) {
        fail("{}: tensor {}: expected names of one family, found Hugging Face's and Mistral's", tensor.file,
             printable(tensor.name));
      }
      family_ = name.family;
    }
    if (name.place.role == Role::output && args_.tied_embeddings) return;
    const auto [at, inserted] = tensors_.emplace(name.place, &tensor);
    if (!inserted) wrong(tensor, "each parameter once", "it as " + printable(at->second->name) + " too");
  }

  void check_complete() const {
    std::vector<Place> needed = places_of(args_);
    std::erase_if(needed, [&](const Place& place) { return find(place) != nullptr; });
    if (needed.empty()) return;
    fail("{}: tensor {}: missing{}", checkpoint_.folder().string(), printable(spell(needed[0], family_)),
         others(needed.size()));
  }

  QuantSpec spec_of(const Place& place, const TensorView& scales) const {
    const auto overridden = overrides_.find(place);
    const auto spec = overridden != overrides_.end() ? overridden->second : quantization_.standard;
    if (!spec) wrong(scales, "no scales, as config.json says that this is not quantised", "some");
    return *spec;
  }

  const Checkpoint& checkpoint_;
  const ModelArgs& args_;
  const QuantizationConfig& quantization_;
  std::map<Place, const TensorView*> tensors_;
  std::map<Place, std::optional<QuantSpec>> overrides_;  // by the place of the weight
  NameFamily family_ = NameFamily::either;
};

LayerWeights load_layer(const Loader& loader, const ModelArgs& args, int layer) {
  const std::int64_t q_rows = std::int64_t{args.n_heads} * args.head_dim;
  const std::int64_t kv_rows = std::int64_t{args.n_kv_heads} * args.head_dim;
  LayerWeights weights;
  weights.wq = loader.matrix(Role::wq, layer, q_rows, args.dim);
  weights.wk = loader.matrix(Role::wk, layer, kv_rows, args.dim);
  weights.wv = loader.matrix(Role::wv, layer, kv_rows, args.dim);
  weights.wo = loader.matrix(Role::wo, layer, args.dim, q_rows);
  weights.w1 = loader.matrix(Role::w1, layer, args.hidden_dim, args.dim);
  weights.w2 = loader.matrix(Role::w2, layer, args.dim, args.hidden_dim);
  weights.w3 = loader.matrix(Role::w3, layer, args.hidden_dim, args.dim);
  weights.attention_norm = loader.norm(Role::attention_norm, layer);
  weights.ffn_norm = loader.norm(Role::ffn_norm, layer);
  return weights;
}

}  // namespace

DType computed_dtype(const MatrixView& embeddings, DType norms) {
  const bool bfloat16 = embeddings.quantized() && embeddings.quant.mode != QuantMode::affine;
  return bfloat16 && norms == DType::float16 ? DType::float32 : norms;
}

Weights load_weights(const Checkpoint& checkpoint) {
  const ModelArgs& args = checkpoint.config().args;
  const Loader loader(checkpoint);
  Weights weights;
  weights.tok_embeddings = loader.matrix(Role::tok_embeddings, -1, args.vocab_size, args.dim);
  for (int layer = 0; layer < args.n_layers; layer++)
    weights.layers.push_back(load_layer(loader, args, layer));
  weights.norm = loader.norm(Role::norm, -1);
  weights.output = args.tied_embeddings ? weights.tok_embeddings
                                        : loader.matrix(Role::output, -1, args.vocab_size, args.dim);
  weights.norm_dtype = loader.norm_dtype();
  weights.dtype = computed_dtype(weights.tok_embeddings, weights.norm_dtype);
  weights.rope_layout = loader.rope_layout();
  return weights;
}

}  // namespace tramontane
