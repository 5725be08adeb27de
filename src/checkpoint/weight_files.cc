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
constexpr const char* kConsolidatedIndexName = "consolidated.safetensors.index.json";
constexpr std::size_t kLargestIndex = 16 << 20;  // a 123-billion-parameter model's is a fifth of a megabyte

bool is_between(std::string_view name, std::string_view prefix, std::string_view suffix) {
  return name.size() > prefix.size() + suffix.size() && name.starts_with(prefix) && name.ends_with(suffix);
}

bool is_safetensors_shard(const std::string& name) {
  return (is_between(name, "model-", ".safetensors") && name.find("-of-") != std::string::npos) ||
         is_between(name, "weights.", ".safetensors");
}

bool is_npz_shard(const std::string& name) { return is_between(name, "weights.", ".npz"); }

bool is_consolidated_shard(const std::string& name) {
  return is_between(name, "consolidated-", ".safetensors") && name.find("-of-") != std::string::npos;
}

bool is_pth_shard(const std::string& name) { return is_between(name, "consolidated.", ".pth"); }

bool is_weight_file(const std::string& name) {
  return name == "model.safetensors" || name == "weights.safetensors" || name == "weights.npz" ||
         name == "consolidated.safetensors" || is_safetensors_shard(name) || is_npz_shard(name) ||
         is_consolidated_shard(name) || is_pth_shard(name);
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

/// Tries one kind of files after the other; the first that is there counts.
class Chooser {
 public:
  Chooser(const fs::path& folder, const Names& all, WeightFiles& files)
      : folder_(folder), all_(all), files_(files) {}

  void index(const char* name) {
    if (!files_.names.empty() || !std::binary_search(all_.begin(), all_.end(), name)) return;
    const fs::path path = folder_ / name;
    files_.index = parse_safetensors_index(read_text(path, kLargestIndex), path.string());
    files_.index_name = name;
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : files_.index) shards.insert(shard);
    files_.format = WeightFiles::Format::safetensors;
    files_.names.assign(shards.begin(), shards.end());
  }

  void file(WeightFiles::Format format, const char* name) {
    files(format, [name](const std::string& other) { return other == name; });
  }

  template <class Predicate>
  void files(WeightFiles::Format format, Predicate wanted) {
    if (!files_.names.empty()) return;
    std::copy_if(all_.begin(), all_.end(), std::back_inserter(files_.names), wanted);
    files_.format = format;
  }

 private:
  const fs::path& folder_;
  const Names& all_;
  WeightFiles& files_;
};

}  // namespace

WeightFiles find_weight_files(const fs::path& folder) {
  using Format = WeightFiles::Format;
  const Names all = list_folder(folder);
  WeightFiles files;
  Chooser chooser(folder, all, files);
  chooser.index(kIndexName);
  chooser.file(Format::safetensors, "model.safetensors");
  chooser.file(Format::safetensors, "weights.safetensors");
  chooser.files(Format::safetensors, is_safetensors_shard);
  chooser.file(Format::npz, "weights.npz");
  chooser.files(Format::npz, is_npz_shard);
  files.consolidated = files.names.empty();
  chooser.index(kConsolidatedIndexName);
  chooser.file(Format::safetensors, "consolidated.safetensors");
  chooser.files(Format::safetensors, is_consolidated_shard);
  chooser.files(Format::pth, is_pth_shard);
  if (files.names.empty()) {
    fail("{}: expected weights (weights.npz, model.safetensors or shards of them), found none",
         folder.string());
  }
  const Names& used = files.names;
  std::copy_if(all.begin(), all.end(), std::back_inserter(files.unused), [&](const std::string& name) {
    return is_weight_file(name) && !std::binary_search(used.begin(), used.end(), name);
  });
  return files;
}

bool has_weight_files(const fs::path& folder) {
  const Names all = list_folder(folder);
  return std::any_of(all.begin(), all.end(), [](const std::string& name) {
    return is_weight_file(name) || name == kIndexName || name == kConsolidatedIndexName;
  });
}

std::string find_config_file(const fs::path& folder) {
  std::error_code ignored;
  const bool own =
      !fs::exists(folder / "config.json", ignored) && fs::exists(folder / "params.json", ignored);
  return own ? "params.json" : "config.json";
}

}  // namespace tramontane
