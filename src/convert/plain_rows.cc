#include "convert/plain_rows.h"

#include <algorithm>
#include <array>

#include "core/fail.h"
#include "kernels/kernels.h"

namespace tramontane {
namespace {

/// "FILE: tensor 'NAME'"
std::string label_of(const TensorView& tensor) {
  return fmt::format("{}: tensor {}", tensor.file, printable(tensor.name));
}

class PlainRows : public RowSource {
 public:
  PlainRows(const MappedFiles& files, const TensorView& tensor, std::int64_t rows, std::int64_t cols)
      : RowSource(rows, cols, tensor.dtype, label_of(tensor)),
        files_(files),
        bytes_(tensor.bytes),
        kernels_(choose_kernels()) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    const auto first = static_cast<std::size_t>(begin * cols());
    const auto count = static_cast<std::size_t>((end - begin) * cols());
    const std::size_t size = size_of(dtype());
    const auto wanted = bytes_.subspan(first * size, count * size);
    if (dtype() == DType::float32) return files_.read(wanted, reinterpret_cast<std::byte*>(out));
    for (std::size_t at = 0; at < count; at += kPiece) {
      const std::size_t n = std::min(kPiece, count - at);
      widen(wanted.subspan(at * size, n * size), out + at);
    }
  }

 private:
  static constexpr std::size_t kPiece = 16 << 10;  // elements: in the first or second cache from read to use

  void widen(std::span<const std::byte> from, float* out) const {
    std::array<std::byte, 2 * kPiece> piece;
    files_.read(from, piece.data());
    MatrixView row;
    row.rows = 1;
    row.cols = static_cast<std::int64_t>(from.size() / 2);
    row.dtype = dtype();
    row.data = piece.data();
    kernels_.decode_row(row, 0, out);
  }

  const MappedFiles& files_;
  std::span<const std::byte> bytes_;
  const Kernels& kernels_;
};

}  // namespace

std::unique_ptr<RowSource> plain_rows(const MappedFiles& files, const TensorView& tensor) {
  if (!tensor.other_dtype.empty() || !is_float(tensor.dtype)) {
    fail("{}: expected float32, float16 or bfloat16, found {}", label_of(tensor),
         tensor.other_dtype.empty() ? std::string(name_of(tensor.dtype)) : printable(tensor.other_dtype));
  }
  const Shape& shape = tensor.shape;
  if (shape.empty() || shape.size() > 2) {
    fail("{}: expected a matrix or a vector, found {}", label_of(tensor), to_string(shape));
  }
  const std::int64_t rows = shape.size() == 2 ? shape[0] : 1;
  return std::make_unique<PlainRows>(files, tensor, rows, shape.back());
}

}  // namespace tramontane
