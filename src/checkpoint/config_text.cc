#include "checkpoint/config_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

namespace tramontane {
namespace {

using Json = nlohmann::ordered_json;

/// The shortest decimal that is this float: 1e-05, not 9.999999747378752e-06.
double shortest(float value) { return std::stod(fmt::format("{}", value)); }

/// Whether the attention factor is one of the two that a flag can say.
bool is_usual(const YarnScaling& yarn) {
  const double sharpened = 0.1 * std::log(yarn.factor) + 1;
  return yarn.attention_factor == 1 || std::abs(yarn.attention_factor - sharpened) < 1e-9;
}

bool all_equal(const std::vector<int>& values) {
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

void put_mistral(const ModelArgs& args, Json& json) {
  json["dim"] = args.dim;
  json["n_layers"] = args.n_layers;
  json["head_dim"] = args.head_dim;
  json["hidden_dim"] = args.hidden_dim;
  json["n_heads"] = args.n_heads;
  json["n_kv_heads"] = args.n_kv_heads;
  json["norm_eps"] = shortest(args.norm_eps);
  json["vocab_size"] = args.vocab_size;
  json["rope_theta"] = args.rope_theta;
  if (args.tied_embeddings) json["tied_embeddings"] = true;
  if (args.max_position > 0) json["max_position_embeddings"] = args.max_position;
  if (const auto& windows = args.sliding_window; !windows.empty() && all_equal(windows)) {
    if (windows[0] > 0) json["sliding_window"] = windows[0];
  } else {
    for (const int window : windows)
      json["sliding_window"].push_back(window > 0 ? Json(window) : Json(nullptr));
  }
  if (args.yarn) {
    json["yarn"] = {{"factor", args.yarn->factor},
                    {"original_max_position_embeddings", args.yarn->original_max_position},
                    {"beta", args.yarn->beta_fast},
                    {"alpha", args.yarn->beta_slow},
                    {"apply_scale", args.yarn->attention_factor != 1}};
    if (!is_usual(*args.yarn)) json["yarn"]["attention_factor"] = args.yarn->attention_factor;
  }
  if (args.query_temperature) {
    json["llama_4_scaling"] = {
        {"beta", args.query_temperature->beta},
        {"original_max_position_embeddings", args.query_temperature->original_max_position}};
  }
  json["model_type"] = "mistral";
}

void put_hugging_face(const ModelArgs& args, Json& json) {
  json["model_type"] = args.query_temperature ? "ministral3" : "mistral";
  json["hidden_size"] = args.dim;
  json["num_hidden_layers"] = args.n_layers;
  json["head_dim"] = args.head_dim;
  json["intermediate_size"] = args.hidden_dim;
  json["num_attention_heads"] = args.n_heads;
  json["num_key_value_heads"] = args.n_kv_heads;
  json["rms_norm_eps"] = shortest(args.norm_eps);
  json["vocab_size"] = args.vocab_size;
  json["hidden_act"] = "silu";
  json["tie_word_embeddings"] = args.tied_embeddings;
  if (args.max_position > 0) json["max_position_embeddings"] = args.max_position;
  const auto& windows = args.sliding_window;
  const int widest = windows.empty() ? 0 : *std::max_element(windows.begin(), windows.end());
  json["sliding_window"] = widest > 0 ? Json(widest) : Json(nullptr);
  if (!all_equal(windows)) {
    for (const int window : windows) {
      json["layer_types"].push_back(window > 0 ? "sliding_attention" : "full_attention");
    }
  }
  // mlx-lm's reader of "mistral" knows only the older place, that of "ministral3" only the newer one.
  if (!args.query_temperature) json["rope_theta"] = args.rope_theta;
  if (!args.yarn && !args.query_temperature) return;
  Json& rope = json[args.query_temperature ? "rope_parameters" : "rope_scaling"];
  if (args.query_temperature) rope["rope_theta"] = args.rope_theta;
  rope["rope_type"] = args.yarn ? "yarn" : "default";
  if (args.yarn) {
    rope["factor"] = args.yarn->factor;
    rope["original_max_position_embeddings"] = args.yarn->original_max_position;
    rope["beta_fast"] = args.yarn->beta_fast;
    rope["beta_slow"] = args.yarn->beta_slow;
    // Readers that do not know attention_factor know mscale: 0.1 mscale ln(factor) + 1.
    const bool usual = is_usual(*args.yarn);
    rope["mscale"] = usual ? 1.0 : (args.yarn->attention_factor - 1) / (0.1 * std::log(args.yarn->factor));
    rope["mscale_all_dim"] = args.yarn->attention_factor == 1 ? 1.0 : 0.0;
    if (!usual) rope["attention_factor"] = args.yarn->attention_factor;
  }
  if (args.query_temperature) {
    rope["llama_4_scaling_beta"] = args.query_temperature->beta;
    rope["original_max_position_embeddings"] = args.query_temperature->original_max_position;
  }
}

Json settings(const QuantSpec& spec) {
  Json json = {{"group_size", spec.group_size}, {"bits", spec.bits}};
  if (spec.mode != QuantMode::affine) json["mode"] = name_of(spec.mode);
  return json;
}

}  // namespace

Json quantization_json(const QuantizationConfig& quantization) {
  Json json = settings(quantization.standard.value_or(QuantSpec{}));
  for (const auto& [path, spec] : quantization.overrides) json[path] = spec ? settings(*spec) : Json(false);
  return json;
}

Json config_json(const ModelArgs& args, NameFamily dialect) {
  Json json;
  if (dialect == NameFamily::hugging_face) {
    put_hugging_face(args, json);
  } else {
    put_mistral(args, json);
  }
  return json;
}

}  // namespace tramontane
