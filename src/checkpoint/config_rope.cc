#include <cmath>

#include "checkpoint/config_parts.h"
#include "core/fail.h"

namespace tramontane {
namespace {

constexpr double kDefaultTheta = 10'000;  // of the original program and of Hugging Face
constexpr double kMostFactor = 1e6;
constexpr double kMostPositions = 1e12;

/// 0.1 * mscale * ln(factor) + 1: how much YaRN sharpens attention (section 3.4 of the paper).
double magnitude(double factor, double mscale) { return 0.1 * mscale * std::log(factor) + 1; }

double original_positions(const Fields& fields) {
  return fields.need_number("original_max_position_embeddings", 1, kMostPositions);
}

/// params.json: {"factor", "original_max_position_embeddings", "beta", "alpha", "apply_scale"}; of our own
/// conversions also "attention_factor", where it is another one than these can say
YarnScaling parse_mistral_yarn(const Fields& fields) {
  YarnScaling yarn;
  yarn.factor = fields.need_number("factor", 1, kMostFactor);
  yarn.original_max_position = original_positions(fields);
  yarn.beta_fast = fields.number("beta", 1e-3, kMostFactor).value_or(yarn.beta_fast);
  yarn.beta_slow = fields.number("alpha", 1e-3, kMostFactor).value_or(yarn.beta_slow);
  const double usual = fields.boolean("apply_scale").value_or(true) ? magnitude(yarn.factor, 1) : 1;
  yarn.attention_factor = fields.number("attention_factor", 1e-3, 1e3).value_or(usual);
  return yarn;
}

/// An explicit attention_factor counts as it does for Hugging Face; else mscale and mscale_all_dim count as
/// they do for mlx-lm, which differs from Hugging Face only where one of the two is missing.
double hugging_face_attention_factor(const Fields& fields, double factor) {
  if (const auto given = fields.number("attention_factor", 1e-3, 1e3)) return *given;
  const double mscale = fields.number("mscale", 0, 1e3).value_or(1);
  const double mscale_all_dim = fields.number("mscale_all_dim", 0, 1e3).value_or(0);
  return magnitude(factor, mscale) / magnitude(factor, mscale_all_dim);
}

YarnScaling parse_hugging_face_yarn(const Fields& fields) {
  YarnScaling yarn;
  yarn.factor = fields.need_number("factor", 1, kMostFactor);
  yarn.original_max_position = original_positions(fields);
  yarn.beta_fast = fields.number("beta_fast", 1e-3, kMostFactor).value_or(yarn.beta_fast);
  yarn.beta_slow = fields.number("beta_slow", 1e-3, kMostFactor).value_or(yarn.beta_slow);
  yarn.attention_factor = hugging_face_attention_factor(fields, yarn.factor);
  if (!fields.boolean("truncate").value_or(true)) fields.wrong("truncate", "true");
  return yarn;
}

std::optional<QueryTemperature> parse_query_temperature(const Fields& fields, const char* key) {
  const double beta = fields.number(key, 0, 1e3).value_or(0);
  if (beta == 0) return std::nullopt;
  return QueryTemperature{beta, original_positions(fields)};
}

/// `rope_scaling`, or `rope_parameters` in newer files, which holds rope_theta too.
void parse_rope_object(const Fields& rope, ModelArgs& args) {
  for (const char* key : {"full_attention", "sliding_attention"}) {
    if (rope.has(key)) rope.wrong(key, "one set of RoPE parameters for all layers");
  }
  const char* type_key = rope.has("rope_type") ? "rope_type" : "type";
  const auto type = rope.string(type_key);
  if ((!type && rope.has("factor")) || (type && *type != "default" && *type != "yarn")) {
    rope.wrong(type_key, "'default' or 'yarn' (other kinds of RoPE scaling are not supported)");
  }
  if (type == "yarn") args.yarn = parse_hugging_face_yarn(rope);
  if (rope.has("llama_4_scaling_beta")) {
    args.query_temperature = parse_query_temperature(rope, "llama_4_scaling_beta");
  }
}

void take_theta(const Fields& fields, Config& config) {
  const auto theta = fields.number("rope_theta", kLeastTheta, kMostTheta);
  if (!theta) return;
  if (config.rope_theta_given && config.args.rope_theta != *theta) {
    fields.wrong("rope_theta", fmt::format("the same as elsewhere in the file ({})", config.args.rope_theta));
  }
  config.args.rope_theta = *theta;
  config.rope_theta_given = true;
}

}  // namespace

void parse_rope(const Fields& fields, Config& config) {
  ModelArgs& args = config.args;
  args.rope_theta = kDefaultTheta;
  take_theta(fields, config);
  // Whichever dialect gives the sizes: a scaling that was overlooked would be silently wrong.
  if (const auto yarn = fields.object("yarn")) args.yarn = parse_mistral_yarn(*yarn);
  if (const auto scaling = fields.object("llama_4_scaling")) {
    args.query_temperature = parse_query_temperature(*scaling, "beta");
  }
  const char* key = fields.has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  const auto rope = fields.object(key);
  if (!rope) return;
  if (args.yarn) fields.wrong(key, "nothing beside the key 'yarn'");
  if (const auto* older = fields.find("rope_scaling"); older != nullptr && *older != rope->value()) {
    fields.wrong("rope_scaling", "the same as the key 'rope_parameters', or nothing");
  }
  take_theta(*rope, config);
  parse_rope_object(*rope, args);
}

}  // namespace tramontane
