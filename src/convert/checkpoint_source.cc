#include "convert/checkpoint_source.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "checkpoint/json.h"
#include "convert/mlx_rows.h"
#include "convert/plain_rows.h"
#include "core/fail.h"
#include "model/weights.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestConfig = 4 << 20;

/// The matrix of a place that is quantised.
const MatrixView& matrix_at(const Weights& weights, const Place& place) {
  if (place.role == Role::tok_embeddings) return weights.tok_embeddings;
  if (place.role == Role::output) return weights.output;
  const LayerWeights& layer = weights.layers[static_cast<std::size_t>(place.layer)];
  switch (place.role) {
    case Role::wq:
      return layer.wq;
    case Role::wk:
      return layer.wk;
    case Role::wv:
      return layer.wv;
    case Role::wo:
      return layer.wo;
    case Role::w1:
      return layer.w1;
    case Role::w2:
      return layer.w2;
    default:
      return layer.w3;
  }
}

NameFamily dialect_of(const nlohmann::ordered_json& json) {
  const auto& text = json.contains("text_config") ? json["text_config"] : json;
  return text.contains("hidden_size") ? NameFamily::hugging_face : NameFamily::mistral;
}

void add_parameters(const Weights& weights, Source& source) {
  const Checkpoint& checkpoint = *source.checkpoint;
  for (const TensorView& tensor : checkpoint.tensors()) {
    const TensorName name = parse_tensor_name(tensor.name);
    if (name.kind != TensorName::Kind::parameter || name.place.part != Part::weight) continue;
    if (name.place.role == Role::output && source.config.args.tied_embeddings) continue;
    auto& rows = source.parameters[name.place];
    if (is_float(tensor.dtype)) {
      rows = plain_rows(checkpoint.files(), tensor);
    } else {
      rows = mlx_rows(checkpoint.files(), matrix_at(weights, name.place),
                      fmt::format("{}: tensor {}", tensor.file, printable(tensor.name)));
    }
  }
}

}  // namespace

std::vector<fs::path> companion_files(const fs::path& folder) {
  static constexpr std::array<const char*, 8> kNames = {
      "tokenizer.json",         "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
      "generation_config.json", "chat_template.json",    "chat_template.jinja",     "tekken.json"};
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool known = std::find(kNames.begin(), kNames.end(), name) != kNames.end();
    if ((known || name.starts_with("tokenizer.model")) && entry.is_regular_file(error)) {
      files.push_back(entry.path());
    }
  }
  if (error) fail("{}: cannot read the folder: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  return files;
}

Source open_checkpoint_source(const fs::path& folder) {
  Source source;
  source.checkpoint = std::make_unique<const Checkpoint>(Checkpoint::open(folder));
  const Checkpoint& checkpoint = *source.checkpoint;
  const Weights weights = load_weights(checkpoint);  // checks every name, shape and type
  source.kind = checkpoint.format();
  source.config = checkpoint.config();
  source.config.args.rope_layout = weights.rope_layout;
  source.json = nlohmann::ordered_json::parse(read_text(folder / checkpoint.config_name(), kLargestConfig));
  source.dialect = dialect_of(source.json);
  source.copied_files = companion_files(folder);
  source.warnings = checkpoint.config().warnings;
  add_parameters(weights, source);
  return source;
}

}  // namespace tramontane
