#include "core/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <new>
#include <string>

#include "core/cgroup.h"
#include "core/fail.h"

namespace tramontane {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr double kUnknown = std::numeric_limits<double>::max();

// The number behind `key` in a file of "key value" lines; `missing` when it is not there.
double read_field(const std::filesystem::path& path, const std::string& key, double missing) {
  std::ifstream file(path);
  for (std::string name; file >> name;) {
    double value = 0;
    if (name == key) return file >> value ? value : missing;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return missing;
}

double cgroup_headroom() {
  double least = kUnknown;
  for (const auto& folder : cgroup_folders()) {
    double limit = 0;
    double used = 0;
    if (!(std::ifstream(folder / "memory.max") >> limit)) continue;  // absent, or "max"
    if (!(std::ifstream(folder / "memory.current") >> used)) continue;
    const auto stat = folder / "memory.stat";
    const double cache = read_field(stat, "inactive_file", 0) + read_field(stat, "active_file", 0);
    least = std::min(least, std::max(0.0, limit - used + cache));
  }
  return least;
}

}  // namespace

Buffer allocate_host(std::size_t bytes) {
  auto* memory = static_cast<std::byte*>(::operator new(bytes, kAlignment, std::nothrow));
  if (memory == nullptr)
    fail("not enough memory: cannot allocate {}", human_bytes(static_cast<double>(bytes)));
  return {memory, BufferDeleter{[](std::byte* p) { ::operator delete(p, kAlignment); }}};
}

double available_memory() {
  const double system = read_field("/proc/meminfo", "MemAvailable:", kUnknown / 1024) * 1024;
  return std::min(system, cgroup_headroom());
}

}  // namespace tramontane
