#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"

namespace tramontane {
namespace {

constexpr std::int64_t kBlock = 1024;  // columns summed at a time; a multiple of every group size

/// Rows of a matrix that are decoded together.
template <int count>
struct RowSet {
  std::size_t row[count];

  /// Rows first, first + 1, ...; past `end` the last one again, so that kernels need no narrower variants.
  RowSet(std::int64_t first, std::int64_t end) {
    for (int r = 0; r < count; ++r) {
      const std::int64_t at = first + r < end ? first + r : end - 1;
      row[r] = static_cast<std::size_t>(at);
    }
  }
};

/// How far beyond a byte of these rows lies that byte of the rows that follow them; 0 at the end of the
/// matrix. Rows side by side in pieces of a block are more than the hardware prefetchers follow, so decoders
/// fetch that far ahead.
template <int count>
std::size_t bytes_ahead(const MatrixView& w, const RowSet<count>& rows) {
  return rows.row[count - 1] + count < static_cast<std::size_t>(w.rows) ? count * w.row_bytes() : 0;
}

}  // namespace
}  // namespace tramontane
