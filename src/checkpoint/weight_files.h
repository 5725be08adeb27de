#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tramontane {

/// Which files of a folder hold its weights.
struct WeightFiles {
  enum class Format { npz, safetensors, pth };
  Format format = Format::npz;
  bool consolidated = false;                 // in Mistral's own format
  std::vector<std::string> names;            // plain names in the folder, sorted
  std::map<std::string, std::string> index;  // tensor -> file, when there is an index; else empty
  std::string index_name;                    // of the index
  std::vector<std::string> unused;           // weight files that the choice passes over
};

/// Of several kinds the first counts: the files of model.safetensors.index.json, model.safetensors,
/// weights.safetensors, model-*-of-*.safetensors or weights.*.safetensors, weights.npz, weights.*.npz; then
/// Mistral's own: the files of consolidated.safetensors.index.json, consolidated.safetensors,
/// consolidated-*-of-*.safetensors, or consolidated.*.pth, of which several are model-parallel shards. Throws
/// Error when the folder cannot be read, holds none, or its index is wrong.
WeightFiles find_weight_files(const std::filesystem::path& folder);

/// Whether the folder holds any of these files. Throws Error when it cannot be read.
bool has_weight_files(const std::filesystem::path& folder);

/// "config.json", or "params.json" where there is only that.
std::string find_config_file(const std::filesystem::path& folder);

}  // namespace tramontane
