#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"

namespace tramontane {
namespace {

constexpr std::int64_t kBlock = 1024;      // columns summed at a time; a multiple of every group size
constexpr std::size_t kBytesAhead = 6144;  // of weights that are read in order: far enough to hide memory

/// How far beyond a byte of `count` rows' columns [begin, begin + n) lies the byte to fetch meanwhile. Of
/// rows side by side it is what is decoded next, the columns that follow or where the next rows begin: rows
/// side by side in pieces are more than the hardware prefetchers follow. A row by itself is read in order.
template <int count>
std::size_t bytes_ahead(const MatrixView& w, std::int64_t begin, std::int64_t n) {
  if (count == 1) return kBytesAhead;
  const std::size_t row = w.row_bytes();
  const auto cols = static_cast<std::size_t>(w.cols);
  if (begin + n < w.cols) return static_cast<std::size_t>(n) * row / cols;
  return count * row - static_cast<std::size_t>(begin) * row / cols;
}

}  // namespace
}  // namespace tramontane
