#include <algorithm>
#include <array>
#include <cmath>

#include "core/fail.h"
#include "synthetic/checkpoint_writer.h"

namespace tramontane::synthetic {
namespace {

class Planner {
 public:
  explicit Planner(const SyntheticOptions& options) : options_(options) {}

  void norm(const std::string& path) {
    add(path, ".weight", options_.dtype, {options_.args.dim},
        random_floats(options_.seed, path, options_.dtype, 1.0, 0.1));
  }

  /// Weights of deviation 1 / sqrt(cols), so that outputs are about as large as inputs.
  void matrix(const std::string& path, std::int64_t rows, std::int64_t cols) {
    const double deviation = 1 / std::sqrt(static_cast<double>(cols));
    const auto overridden = options_.overrides.find(path);
    const auto quant = overridden != options_.overrides.end() ? overridden->second : options_.quant;
    if (!quant) {
      add(path, ".weight", options_.dtype, {rows, cols},
          random_floats(options_.seed, path, options_.dtype, 0, deviation));
      return;
    }
    if (cols % quant->group_size != 0) {
      fail("{}: expected a group size that divides {} columns, found {}", path, cols, quant->group_size);
    }
    const DType dtype = options_.scale_dtype;
    add(path, ".weight", DType::uint32, {rows, cols * quant->bits / 32},
        random_words(options_.seed, path, quant->mode));
    if (quant->mode != QuantMode::affine) {
      add(path, ".scales", DType::uint8, {rows, cols / quant->group_size},
          random_small_scales(options_.seed, path, quant->mode, deviation));
      return;
    }
    add(path, ".scales", dtype, {rows, cols / quant->group_size},
        random_scales(options_.seed, path, dtype, *quant, deviation));
    add(path, ".biases", dtype, {rows, cols / quant->group_size},
        random_biases(options_.seed, path, dtype, *quant, deviation));
  }

  std::vector<PlannedTensor> take() { return std::move(tensors_); }

 private:
  void add(const std::string& path, const char* part, DType dtype, std::vector<std::int64_t> shape,
           Fill fill) {
    tensors_.push_back(
        {{module_name(options_.names, path) + part, dtype, std::move(shape)}, std::move(fill)});
  }

  const SyntheticOptions& options_;
  std::vector<PlannedTensor> tensors_;
};

}  // namespace

std::string module_name(Names names, const std::string& mistral_path) {
  if (names == Names::mistral) return mistral_path;
  const std::string prefix = names == Names::hugging_face_nested ? "language_model." : "";
  if (mistral_path == "output") return prefix + "lm_head";
  static constexpr std::array<std::array<const char*, 2>, 10> kParts = {
      {{"tok_embeddings", "embed_tokens"},
       {"attention.wq", "self_attn.q_proj"},
       {"attention.wk", "self_attn.k_proj"},
       {"attention.wv", "self_attn.v_proj"},
       {"attention.wo", "self_attn.o_proj"},
       {"feed_forward.w1", "mlp.gate_proj"},
       {"feed_forward.w2", "mlp.down_proj"},
       {"feed_forward.w3", "mlp.up_proj"},
       {"attention_norm", "input_layernorm"},
       {"ffn_norm", "post_attention_layernorm"}}};
  for (const auto& [mistral, hugging_face] : kParts) {
    if (!mistral_path.ends_with(mistral)) continue;
    const auto stem = mistral_path.substr(0, mistral_path.size() - std::string(mistral).size());
    return fmt::format("{}model.{}{}", prefix, stem, hugging_face);
  }
  return prefix + "model." + mistral_path;  // norm
}

std::vector<PlannedTensor> plan_tensors(const SyntheticOptions& options) {
  const ModelArgs& args = options.args;
  const std::int64_t q_rows = std::int64_t{args.n_heads} * args.head_dim;
  const std::int64_t kv_rows = std::int64_t{args.n_kv_heads} * args.head_dim;
  Planner plan(options);
  plan.matrix("tok_embeddings", args.vocab_size, args.dim);
  for (int n = 0; n < args.n_layers; n++) {
    const std::string layer = fmt::format("layers.{}.", n);
    plan.norm(layer + "attention_norm");
    plan.matrix(layer + "attention.wq", q_rows, args.dim);
    plan.matrix(layer + "attention.wk", kv_rows, args.dim);
    plan.matrix(layer + "attention.wv", kv_rows, args.dim);
    plan.matrix(layer + "attention.wo", args.dim, q_rows);
    plan.norm(layer + "ffn_norm");
    plan.matrix(layer + "feed_forward.w1", args.hidden_dim, args.dim);
    plan.matrix(layer + "feed_forward.w2", args.dim, args.hidden_dim);
    plan.matrix(layer + "feed_forward.w3", args.hidden_dim, args.dim);
  }
  plan.norm("norm");
  if (!args.tied_embeddings) plan.matrix("output", args.vocab_size, args.dim);
  return plan.take();
}

}  // namespace tramontane::synthetic
