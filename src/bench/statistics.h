#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

namespace tramontane::bench {

/// The middle of at least one value, or the mean of the two in the middle.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

/// (greatest - least) / median of at least one value.
inline double spread(const std::vector<double>& values) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return (*greatest - *least) / median(values);
}

}  // namespace tramontane::bench
