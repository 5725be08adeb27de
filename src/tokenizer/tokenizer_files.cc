#include "tokenizer/tokenizer_files.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "checkpoint/json.h"
#include "core/mapped_file.h"
#include "tokenizer/hugging_face_file.h"
#include "tokenizer/model_file.h"
#include "tokenizer/tekken_file.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kVersions = {"v15", "v13", "v11", "v7", "v3", "v2", "v1"};

/// A text, or an object with the text as its content.
std::string token_of(const Fields& fields, const char* key) {
  const nlohmann::json* value = fields.find(key);
  if (value == nullptr || value->is_string()) return fields.string(key).value_or("");
  const auto object = fields.object(key);
  return object ? object->string("content").value_or("") : "";
}

}  // namespace

TokenizerFormat format_of_name(std::string_view path) {
  const std::string name = fs::path(path).filename().string();
  if (!name.ends_with(".json")) return TokenizerFormat::sentencepiece;
  return name.starts_with("tekken") ? TokenizerFormat::tekken : TokenizerFormat::hugging_face;
}

std::size_t largest_file(TokenizerFormat format) {
  switch (format) {
    case TokenizerFormat::tekken:
      return kLargestTekkenFile;
    case TokenizerFormat::hugging_face:
      return kLargestHuggingFaceFile;
    case TokenizerFormat::sentencepiece:
      break;
  }
  return kLargestModelFile;
}

fs::path find_tokenizer_file(const fs::path& folder) {
  std::error_code ignored;
  const auto holds = [&](const fs::path& name) { return fs::exists(folder / name, ignored); };
  if (holds("tekken.json")) return folder / "tekken.json";
  if (holds("tokenizer.model")) return folder / "tokenizer.model";
  for (const std::string_view version : kVersions) {
    const std::string name = "tokenizer.model." + std::string(version);
    for (const char* images : {"m1", ""}) {
      if (holds(name + images)) return folder / (name + images);
    }
  }
  return folder / (holds("tokenizer.json") ? "tokenizer.json" : "tokenizer.model");
}

EndTokens read_end_tokens(const fs::path& folder) {
  EndTokens ends;
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json"}) {
    const fs::path path = folder / name;
    std::error_code ignored;
    if (!fs::exists(path, ignored)) continue;
    const std::string file = path.string();
    const nlohmann::json json = parse_json(read_text(path, kLargestHuggingFaceFile), file);
    const Fields fields(json, file);
    if (ends.bos.empty()) ends.bos = token_of(fields, "bos_token");
    if (ends.eos.empty()) ends.eos = token_of(fields, "eos_token");
  }
  return ends;
}

bool is_version(std::string_view text) {
  return std::find(kVersions.begin(), kVersions.end(), text) != kVersions.end();
}

std::string version_of_name(std::string_view path) {
  std::string name = fs::path(path).filename().string();
  constexpr std::string_view kModel = ".model.";
  const std::size_t at = name.rfind(kModel);
  if (at == std::string::npos) return "";
  name.erase(0, at + kModel.size());
  if (name.ends_with("m1")) name.resize(name.size() - 2);  // with images
  return is_version(name) ? name : "";
}

std::string version_of_control_tokens(const std::function<bool(std::string_view)>& has) {
  if (has("[SYSTEM_PROMPT]")) return "v7";
  if (has("[PREFIX]")) return "v3";
  return has("[INST]") ? "v2" : "";
}

}  // namespace tramontane
