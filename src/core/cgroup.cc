#include "core/cgroup.h"

#include <fstream>
#include <string>

namespace tramontane {

std::vector<std::filesystem::path> cgroup_folders() {
  const std::filesystem::path root = "/sys/fs/cgroup";
  std::vector<std::filesystem::path> folders = {root};  // in a container, its own limits
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("0::/")) continue;  // cgroup v2 has the one line "0::/path"
    std::filesystem::path folder = root;
    for (const auto& part : std::filesystem::path(line.substr(4))) {
      folder /= part;
      folders.push_back(folder);
    }
  }
  return folders;
}

}  // namespace tramontane
