#pragma once
#include <cstddef>
#include <cstdint>

namespace tramontane {
namespace {

inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Rows of a matrix that are taken together.
template <int count>
struct RowSet {
  std::size_t row[count];

  /// Rows first, first + 1, ...; past `end` the last one again, so that kernels need no narrower variants.
  RowSet(std::int64_t first, std::int64_t end) {
    for (int r = 0; r < count; ++r) row[r] = static_cast<std::size_t>(least(first + r, end - 1));
  }
};

}  // namespace
}  // namespace tramontane
