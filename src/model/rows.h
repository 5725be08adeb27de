#pragma once
#include <cstdint>

namespace tramontane {

/// View of activations [rows, cols], float32, contiguous. Trivially copyable; the backend's memory, so only
/// the backend looks inside.
struct Rows {
  float* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  float* row(std::int64_t i) const { return data + i * cols; }
  std::int64_t size() const { return rows * cols; }
  /// The first `count` rows.
  Rows first(std::int64_t count) const { return {data, count, cols}; }
};

}  // namespace tramontane
