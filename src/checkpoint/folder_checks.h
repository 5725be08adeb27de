#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weight_files.h"

namespace tramontane {

/// Throws Error unless every tensor of the index, if there is one, is where it says; `found`: tensor -> file.
void check_index(const std::filesystem::path& folder, const WeightFiles& files,
                 const std::map<std::string, std::string>& found);

/// Throws Error when two tensors, which are sorted by name, have one name.
void check_distinct(std::span<const TensorView> sorted);

/// What a user should hear of the files, one line each: those that are passed over, and parts of a model that
/// are not text.
std::vector<std::string> folder_warnings(const std::filesystem::path& folder, const WeightFiles& files,
                                         std::span<const TensorView> tensors);

}  // namespace tramontane
