#include "checkpoint/weight_files.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "checkpoint/safetensors.h"
#include "core/fail.h"
#include "core/mapped_file.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

constexpr const char* kIndexName = "model.safetensors.index.json";
constexpr std::size_t kLargestIndex = 16 << 20;  // a 123-billion-parameter model's is a fifth of a megabyte

bool is_between(std::string_view name, std::string_view prefix, std::string_view suffix) {
  return name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix);
}

bool is_safetensors_shard(const std::string& name) {
  return (is_between(name, "model-", ".safetensors") && name.find("-of-") != std::string::npos) ||
         is_between(name, "weights.", ".safetensors");
}

bool is_npz_shard(const std::string& name) { return is_between(name, "weights.", ".npz"); }

bool is_weight_file(const std::string& name) {
  return name == "model.safetensors" || name == "weights.safetensors" || name == "weights.npz" ||
         is_safetensors_shard(name) || is_npz_shard(name);
}

Names list_folder(const fs::path& folder) {
  std::error_code error;
  Names names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) fail("{}: cannot read the folder: {}", folder.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

template <class Predicate>
Names select(const Names& names, Predicate wanted) {
  Names selected;
  std::copy_if(names.begin(), names.end(), std::back_inserter(selected), wanted);
  return selected;
}

void take_index(const fs::path& folder, WeightFiles& files) {
  const fs::path path = folder / kIndexName;
  files.index = parse_safetensors_index(read_text(path, kLargestIndex), path.string());
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : files.index) shards.insert(shard);
  files.names.assign(shards.begin(), shards.end());
}

}  // namespace

WeightFiles find_weight_files(const fs::path& folder) {
  using Format = WeightFiles::Format;
  const Names all = list_folder(folder);
  const auto named = [](const char* wanted) {
    return [wanted](const std::string& name) { return name == wanted; };
  };
  WeightFiles files;
  files.format = Format::safetensors;
  if (!select(all, named(kIndexName)).empty()) take_index(folder, files);
  if (files.names.empty()) files.names = select(all, named("model.safetensors"));
  if (files.names.empty()) files.names = select(all, named("weights.safetensors"));
  if (files.names.empty()) files.names = select(all, is_safetensors_shard);
  if (files.names.empty()) {
    files.format = Format::npz;
    files.names = select(all, named("weights.npz"));
  }
  if (files.names.empty()) files.names = select(all, is_npz_shard);
  if (files.names.empty()) {
    fail("{}: expected weights (weights.npz, model.safetensors or shards of them), found none",
         folder.string());
  }
  const Names used = files.names;
  files.unused = select(all, [&](const std::string& name) {
    return is_weight_file(name) && !std::binary_search(used.begin(), used.end(), name);
  });
  return files;
}

}  // namespace tramontane
