#include "convert/target_config.h"

#include "checkpoint/config_text.h"

namespace tramontane {
namespace {

using Json = nlohmann::ordered_json;

/// What the weights were stored as in the source does not hold for the target.
void drop_storage(Json& json) {
  for (const char* key : {"quantization", "quantization_config", "_name_or_path"}) json.erase(key);
}

/// The original program wants no keys but its own. Where the model needs others anyway (YaRN, a tied head),
/// the context may stay too.
void drop_what_the_original_refuses(Json& json) {
  for (const char* key : {"yarn", "llama_4_scaling", "tied_embeddings"}) {
    if (json.contains(key)) return;
  }
  for (const char* key : {"max_position_embeddings", "max_seq_len"}) json.erase(key);
}

void set_dtype(const Plan& plan, Json& json) {
  const std::string dtype(name_of(plan.modules.back().dtype));
  json.erase("dtype");
  json["torch_dtype"] = dtype;
}

}  // namespace

std::string target_config(const Source& source, const Plan& plan, CheckpointFormat format) {
  const NameFamily dialect = family_of(format);
  // A multimodal folder's text model becomes a model of its own.
  const bool kept =
      source.dialect == dialect && source.json.is_object() && !source.json.contains("text_config");
  Json json = kept ? source.json : config_json(source.config.args, dialect);
  drop_storage(json);
  if (dialect == NameFamily::mistral) {
    if (!kept || source.kind == "gguf") drop_what_the_original_refuses(json);
    json["model_type"] = "mistral";
  } else {
    if (!kept) json["architectures"] = {"MistralForCausalLM"};
    set_dtype(plan, json);
  }
  if (plan.quantization.standard) {
    json["quantization"] = quantization_json(plan.quantization);
    if (dialect == NameFamily::hugging_face) json["quantization_config"] = json["quantization"];
  }
  return json.dump(4) + "\n";
}

}  // namespace tramontane
