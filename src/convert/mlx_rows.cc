#include "convert/mlx_rows.h"

#include <vector>

#include "convert/recipe.h"

namespace tramontane {
namespace {

/// The floats of the modes other than affine have few enough bits for bfloat16, and its range.
DType exact_dtype(const MatrixView& w) {
  return w.quant.mode == QuantMode::affine ? w.scale_dtype : DType::bfloat16;
}

class MlxRows final : public RowSource {
 public:
  MlxRows(const MappedFiles& files, const MatrixView& w, std::string label)
      : RowSource(w.rows, w.cols, exact_dtype(w), std::move(label),
                  StoredQuant{w.quant, exact_dtype(w), true, describe(w.quant)}),
        files_(files),
        w_(w),
        words_(words_bytes(w.cols, w.quant)),
        scales_(scales_bytes(w.cols, w.quant, w.scale_dtype)) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    const auto rows = static_cast<std::size_t>(end - begin);
    std::vector<std::byte> bytes(rows * (words_ + 2 * scales_));
    QuantizedRows parts;
    parts.words = bytes.data();
    parts.scales = parts.words + rows * words_;
    parts.biases = parts.scales + rows * scales_;
    read_quantized(begin, end, parts);
    dequantize(parts, end - begin, cols(), w_.quant, dtype(), out);
  }

  void read_quantized(std::int64_t begin, std::int64_t end, const QuantizedRows& out) const override {
    read_part(w_.data, words_, begin, end, out.words);
    read_part(w_.scales, scales_, begin, end, out.scales);
    if (w_.biases != nullptr) read_part(w_.biases, scales_, begin, end, out.biases);
  }

 private:
  void read_part(const std::byte* part, std::size_t row_bytes, std::int64_t begin, std::int64_t end,
                 std::byte* out) const {
    const auto first = static_cast<std::size_t>(begin) * row_bytes;
    files_.read({part + first, static_cast<std::size_t>(end - begin) * row_bytes}, out);
  }

  const MappedFiles& files_;
  MatrixView w_;
  std::size_t words_, scales_;  // bytes of a row
};

}  // namespace

std::unique_ptr<RowSource> mlx_rows(const MappedFiles& files, const MatrixView& w, std::string label) {
  return std::make_unique<MlxRows>(files, w, std::move(label));
}

}  // namespace tramontane
