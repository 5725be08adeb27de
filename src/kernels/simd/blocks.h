#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"

namespace tramontane {
namespace {

constexpr std::int64_t kBlock = 1024;  // columns summed at a time; a multiple of every group size

/// How far beyond a byte of these rows' columns [begin, begin + n) lies the byte of what is decoded next, so
/// that decoders can fetch it: rows side by side in pieces are more than the hardware prefetchers follow. Of
/// rows side by side the columns that follow are next, or where the next rows begin; a single row is one of a
/// panel, whose next row is next.
template <int count>
std::size_t bytes_ahead(const MatrixView& w, std::int64_t begin, std::int64_t n) {
  const std::size_t row = w.row_bytes();
  if (count == 1) return row;
  const auto cols = static_cast<std::size_t>(w.cols);
  if (begin + n < w.cols) return static_cast<std::size_t>(n) * row / cols;
  return count * row - static_cast<std::size_t>(begin) * row / cols;
}

}  // namespace
}  // namespace tramontane
