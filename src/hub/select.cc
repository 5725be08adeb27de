#include "hub/select.h"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <regex>
#include <string_view>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

using Names = std::vector<std::string>;
using Files = std::vector<RemoteFile>;

bool matches(const std::string& name, const Names& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    const std::string whole = pattern.ends_with('/') ? pattern + "*" : pattern;
    return fnmatch(whole.c_str(), name.c_str(), 0) == 0;
  });
}

template <class Predicate>
Files filter(const Files& files, Predicate wanted) {
  Files selected;
  std::copy_if(files.begin(), files.end(), std::back_inserter(selected), wanted);
  return selected;
}

const Names kDescription = {
    "config.json",    "params.json",           "generation_config.json",  "tokenizer.model*",
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "tekken.json",    "chat_template*.jinja",  "chat_template*.json",     "LICENSE*",
    "NOTICE*"};

// Kinds of weights, the preferred one first; the patterns of a kind together make it whole.
const std::vector<Names> kWeights = {
    {"model.safetensors.index.json", "model-*-of-*.safetensors"},
    {"model.safetensors"},
    {"weights.safetensors"},
    {"weights.*.safetensors"},
    {"weights.npz"},
    {"weights.*.npz"},
    {"consolidated.safetensors"},
    {"consolidated.safetensors.index.json", "consolidated-*-of-*.safetensors"},
    {"consolidated.*.pth"}};

bool is_index(const RemoteFile& file) { return file.name.ends_with(".index.json"); }

/// "model-00001-of-00003.gguf" and its like are one model: "model.gguf".
std::string gguf_model(const std::string& name) {
  static const std::regex shard("(.+)-[0-9]{5}-of-[0-9]{5}\\.gguf");
  return std::regex_replace(name, shard, "$1.gguf");
}

Files gguf_files(const Files& files, const std::string& source) {
  std::map<std::string, Files> models;
  for (const RemoteFile& file : files) {
    if (file.name.ends_with(".gguf")) models[gguf_model(file.name)].push_back(file);
  }
  if (models.empty()) return {};
  if (models.size() == 1) return models.begin()->second;
  std::string names;
  for (const auto& [name, shards] : models) {
    std::int64_t bytes = 0;
    for (const RemoteFile& shard : shards) bytes += shard.content.size;
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", printable(name),
                         human_bytes(static_cast<double>(bytes)));
  }
  fail("{}: expected one GGUF model, found {}: choose with --include", source, names);
}

Files weight_files(const Files& files, const std::string& source) {
  for (const Names& kind : kWeights) {
    Files found = filter(files, [&](const RemoteFile& file) { return matches(file.name, kind); });
    if (!std::all_of(found.begin(), found.end(), is_index)) return found;
  }
  Files found = gguf_files(files, source);
  if (found.empty()) {
    fail(
        "{}: expected weights (safetensors, npz, consolidated.*.pth or GGUF) at the top of the repository, "
        "found "
        "none; --include takes other files",
        source);
  }
  return found;
}

}  // namespace

Files select_files(const Listing& listing, const Patterns& patterns, const std::string& source) {
  const Files allowed =
      filter(listing.files, [&](const RemoteFile& file) { return !matches(file.name, patterns.exclude); });
  Files selected;
  if (!patterns.include.empty()) {
    selected = filter(allowed, [&](const RemoteFile& file) { return matches(file.name, patterns.include); });
  } else {
    const Files top =
        filter(allowed, [](const RemoteFile& file) { return file.name.find('/') == std::string::npos; });
    selected = filter(top, [](const RemoteFile& file) { return matches(file.name, kDescription); });
    const Files weights = weight_files(top, source);
    selected.insert(selected.end(), weights.begin(), weights.end());
  }
  if (selected.empty()) fail("{}: none of its {} files matches --include", source, listing.files.size());
  return selected;
}

}  // namespace tramontane::hub
