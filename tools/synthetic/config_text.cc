#include "checkpoint/config_text.h"

#include "synthetic/checkpoint_writer.h"

// The config.json of a synthetic checkpoint, in either dialect.
namespace tramontane::synthetic {
namespace {

using Json = nlohmann::ordered_json;

Json quantization(const SyntheticOptions& options) {
  QuantizationConfig config;
  // mlx-lm wants a standard even when every quantised module is an override.
  config.standard = options.quant.value_or(usual_spec(QuantMode::affine));
  for (const auto& [path, spec] : options.overrides)
    config.overrides[module_name(options.names, path)] = spec;
  return quantization_json(config);
}

}  // namespace

std::string config_text(const SyntheticOptions& options) {
  Json json;
  switch (options.names) {
    case Names::mistral:
      json = config_json(options.args, NameFamily::mistral);
      break;
    case Names::hugging_face:
      json = config_json(options.args, NameFamily::hugging_face);
      break;
    case Names::hugging_face_nested:
      json["model_type"] = "mistral3";
      json["text_config"] = config_json(options.args, NameFamily::hugging_face);
      break;
  }
  if (options.quant || !options.overrides.empty()) json["quantization"] = quantization(options);
  return json.dump(2) + "\n";
}

}  // namespace tramontane::synthetic
