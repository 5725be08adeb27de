#pragma once
#include <filesystem>
#include <vector>

namespace tramontane {

/// The cgroup v2 folders that limit this process: its own and all above it. Empty where there are none.
std::vector<std::filesystem::path> cgroup_folders();

}  // namespace tramontane
