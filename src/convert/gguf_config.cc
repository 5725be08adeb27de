#include "convert/gguf_config.h"

#include <limits>

#include "core/fail.h"

namespace tramontane {
namespace {

using Json = nlohmann::ordered_json;

/// Mistral 7B v0.1 is the one model of this shape; llama.cpp neither writes nor uses its window.
bool lost_its_window(const Json& json) {
  return !json.contains("sliding_window") && json["dim"] == 4096 && json["n_kv_heads"] == 8 &&
         json["vocab_size"] == 32000 && json["rope_theta"] == 10'000.0;
}

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

class ConfigBuilder {
 public:
  explicit ConfigBuilder(const GgufFields& fields) : fields_(fields), prefix_(architecture() + '.') {}

  Json run(std::int64_t vocab_size, bool tied_embeddings) {
    refuse_other_models();
    add_sizes(vocab_size);
    json_["rope_theta"] = fields_.number(key("rope.freq_base")).value_or(10'000);
    add_scaling();
    if (const auto window = fields_.integer(key("attention.sliding_window"), 0, kMost);
        window && *window > 0) {
      json_["sliding_window"] = *window;
    }
    if (const auto positions = fields_.integer(key("context_length"), 1, kMost))
      json_["max_seq_len"] = *positions;
    if (tied_embeddings) json_["tied_embeddings"] = true;
    return std::move(json_);
  }

 private:
  std::string key(const char* name) const { return prefix_ + name; }

  std::string architecture() const {
    constexpr const char* kKey = "general.architecture";
    const auto name = fields_.need_string(kKey);
    if (name != "llama" && name != "mistral3") fields_.wrong(kKey, "'llama' or 'mistral3'");
    return std::string(name);
  }

  void refuse_other_models() const {
    for (const char* name : {"expert_count", "expert_used_count"}) {
      if (fields_.integer(key(name), 0, kMost).value_or(0) > 0) {
        fields_.wrong(key(name), "0 (mixtures of experts are not supported)");
      }
    }
    // Absent or 0 in a Mistral model; they change what is computed.
    for (const char* name :
         {"attention.scale", "attention.output_scale", "attention.clamp_kqv", "attention.max_alibi_bias",
          "attn_logit_softcapping", "final_logit_softcapping", "attention.q_lora_rank",
          "attention.kv_lora_rank", "attention.shared_kv_layers", "rope.freq_base_swa"}) {
      refuse_unless(name, 0);
    }
    for (const char* name : {"logit_scale", "embedding_scale", "residual_scale", "rope.scale_linear",
                             "rope.scaling.attn_factor"})
      refuse_unless(name, 1);
    if (!fields_.boolean(key("attention.causal")).value_or(true))
      fields_.wrong(key("attention.causal"), "true");
    if (fields_.boolean(key("use_parallel_residual")).value_or(false)) {
      fields_.wrong(key("use_parallel_residual"), "false");
    }
    if (fields_.has(key("attention.sliding_window_pattern"))) {
      fields_.wrong(key("attention.sliding_window_pattern"), "one window for all layers");
    }
  }

  /// Of numbers: `harmless` or absent; 0 is harmless too, as it stands for "none".
  void refuse_unless(const char* name, double harmless) const {
    const double value = fields_.number(key(name)).value_or(harmless);
    if (value != harmless && value != 0) fields_.wrong(key(name), fmt::format("{} or nothing", harmless));
  }

  std::int64_t size(const char* name) const { return fields_.need_integer(key(name), 1, kMost); }

  void add_sizes(std::int64_t vocab_size) {
    const std::int64_t dim = size("embedding_length");
    const std::int64_t n_heads = size("attention.head_count");
    json_["dim"] = dim;
    json_["n_layers"] = size("block_count");
    json_["head_dim"] = head_dim(dim, n_heads);
    json_["hidden_dim"] = size("feed_forward_length");
    json_["n_heads"] = n_heads;
    json_["n_kv_heads"] = n_kv_heads(n_heads);
    json_["norm_eps"] = fields_.need_number(key("attention.layer_norm_rms_epsilon"));
    json_["vocab_size"] = fields_.integer(key("vocab_size"), 1, kMost).value_or(vocab_size);
  }

  std::int64_t head_dim(std::int64_t dim, std::int64_t n_heads) const {
    const auto given = fields_.integer(key("attention.key_length"), 1, kMost);
    if (!given && dim % n_heads != 0) {
      fields_.wrong(key("attention.head_count"),
                    fmt::format("a divisor of {} = {}", key("embedding_length"), dim));
    }
    const std::int64_t head_dim = given.value_or(dim / n_heads);
    for (const char* name : {"attention.value_length", "rope.dimension_count"}) {
      if (fields_.integer(key(name), 1, kMost).value_or(head_dim) != head_dim) {
        fields_.wrong(key(name), fmt::format("{}, the size of a head", head_dim));
      }
    }
    return head_dim;
  }

  std::int64_t n_kv_heads(std::int64_t n_heads) const {
    const std::string name = key("attention.head_count_kv");
    const std::int64_t count = fields_.integer(name, 1, kMost).value_or(n_heads);
    if (n_heads % count != 0) {
      fields_.wrong(name, fmt::format("a divisor of {} = {}", key("attention.head_count"), n_heads));
    }
    return count;
  }

  void add_scaling() {
    const std::string type(fields_.string(key("rope.scaling.type")).value_or("none"));
    const double factor = fields_.number(key("rope.scaling.factor")).value_or(1);
    if (type == "yarn") {
      add_yarn(factor);
    } else if (factor != 0 && factor != 1) {
      fields_.wrong(key("rope.scaling.type"), "'yarn' (other kinds of RoPE scaling are not supported)");
    }
    const double beta = fields_.number(key("attention.temperature_scale")).value_or(0);
    if (beta == 0) return;
    const auto length = fields_.integer(key("attention.temperature_length"), 0, kMost).value_or(0);
    json_["llama_4_scaling"] = {
        {"beta", beta}, {"original_max_position_embeddings", length > 0 ? length : original_context()}};
  }

  std::int64_t original_context() const { return size("rope.scaling.original_context_length"); }

  void add_yarn(double factor) {
    refuse_unless("rope.scaling.yarn_attn_factor", 1);
    refuse_unless("rope.scaling.yarn_ext_factor", 1);
    // Times ln(factor): how much of YaRN's sharpening of attention the training has taken over; none or all.
    const std::string multiplier = key("rope.scaling.yarn_log_multiplier");
    const double taken = fields_.number(multiplier).value_or(0);
    if (taken != 0 && taken != 1) fields_.wrong(multiplier, "0 or 1");
    json_["yarn"] = {{"factor", factor},
                     {"original_max_position_embeddings", original_context()},
                     {"beta", fields_.number(key("rope.scaling.yarn_beta_fast")).value_or(32)},
                     {"alpha", fields_.number(key("rope.scaling.yarn_beta_slow")).value_or(1)},
                     {"apply_scale", taken == 0}};
  }

  const GgufFields& fields_;
  std::string prefix_;
  Json json_;
};

}  // namespace

Json gguf_config(const GgufFields& fields, std::int64_t vocab_size, bool tied_embeddings,
                 std::vector<std::string>& warnings) {
  Json json = ConfigBuilder(fields).run(vocab_size, tied_embeddings);
  if (lost_its_window(json)) {
    warnings.push_back(fmt::format(
        "{}: no sliding window is recorded; Mistral 7B v0.1, which this seems to be, has one of 4096 tokens",
        fields.file()));
  }
  return json;
}

}  // namespace tramontane
