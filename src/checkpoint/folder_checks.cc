#include "checkpoint/folder_checks.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "checkpoint/tensor_names.h"
#include "core/fail.h"

namespace tramontane {

void check_index(const std::filesystem::path& folder, const WeightFiles& files,
                 const std::map<std::string, std::string>& found) {
  for (const auto& [tensor, shard] : files.index) {
    const auto at = found.find(tensor);
    if (at == found.end() || at->second != shard) {
      fail("{}: tensor {}: expected in {}, found {}", (folder / files.index_name).string(), printable(tensor),
           printable(shard), at == found.end() ? "nowhere" : "in " + printable(at->second));
    }
  }
}

void check_distinct(std::span<const TensorView> sorted) {
  const auto twice =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const TensorView& a, const TensorView& b) { return a.name == b.name; });
  if (twice != sorted.end()) {
    fail("{}: tensor {} is there twice: in {} too", (twice + 1)->file, printable(twice->name),
         printable(twice->file));
  }
}

std::vector<std::string> folder_warnings(const std::filesystem::path& folder, const WeightFiles& files,
                                         std::span<const TensorView> tensors) {
  std::vector<std::string> warnings;
  if (!files.unused.empty()) {
    warnings.push_back(fmt::format("{}: several kinds of weight files: using {}, not {}", folder.string(),
                                   printable(fmt::format("{}", fmt::join(files.names, ", "))),
                                   printable(fmt::format("{}", fmt::join(files.unused, ", ")))));
  }
  const auto vision = std::count_if(tensors.begin(), tensors.end(), [](const TensorView& tensor) {
    return parse_tensor_name(tensor.name).kind == TensorName::Kind::vision;
  });
  if (vision > 0) {
    warnings.push_back(fmt::format("{}: ignoring {} tensors of the vision part: only text is supported",
                                   folder.string(), vision));
  }
  return warnings;
}

}  // namespace tramontane
