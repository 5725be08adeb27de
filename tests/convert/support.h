#pragma once
#include <map>
#include <string>
#include <vector>

#include "checkpoint/support.h"
#include "convert/row_source.h"
#include "convert/source.h"
#include "tramontane/convert.h"

namespace tramontane::testing {

/// Rows that are made of their place: element (r, c) is r * cols + c.
class CountingRows final : public RowSource {
 public:
  CountingRows(std::int64_t rows, std::int64_t cols) : RowSource(rows, cols, DType::float32, "counting") {}
  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    for (std::int64_t i = begin * cols(); i < end * cols(); ++i) *out++ = static_cast<float>(i);
  }
};

inline std::vector<float> all_values(const RowSource& rows) {
  std::vector<float> values(static_cast<std::size_t>(rows.rows() * rows.cols()));
  rows.read(0, rows.rows(), values.data());
  return values;
}

/// Words, scales and biases, one after the other.
inline std::vector<std::byte> all_parts(const RowSource& rows) {
  const StoredQuant& stored = *rows.stored_quant();
  const auto n = static_cast<std::size_t>(rows.rows());
  const bool affine = stored.spec.mode == QuantMode::affine;
  const std::size_t words = n * words_bytes(rows.cols(), stored.spec);
  const std::size_t scales = n * scales_bytes(rows.cols(), stored.spec, stored.scale_dtype);
  std::vector<std::byte> bytes(words + scales * (affine ? 2 : 1));
  rows.read_quantized(0, rows.rows(),
                      {bytes.data(), bytes.data() + words, affine ? bytes.data() + words + scales : nullptr});
  return bytes;
}

/// The files of a folder with their contents.
inline std::map<std::string, std::string> files_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files[entry.path().filename().string()] = read_file(entry.path());
  }
  return files;
}

}  // namespace tramontane::testing
