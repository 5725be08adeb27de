#pragma once
#include <algorithm>
#include <array>
#include <string_view>

namespace tramontane {

inline constexpr std::string_view kEffortNames =
    "'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max'";

/// Whether it is one of kEffortNames.
inline bool is_effort(std::string_view text) {
  constexpr std::array<std::string_view, 7> kEfforts = {"none", "minimal", "low", "medium",
                                                        "high", "xhigh",   "max"};
  return std::ranges::find(kEfforts, text) != kEfforts.end();
}

}  // namespace tramontane
