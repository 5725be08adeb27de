#include "convert/float8_rows.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/fail.h"
#include "core/float16.h"
#include "core/small_float.h"

namespace tramontane {
namespace {

using Table = std::array<float, 256>;

/// "FILE: tensor 'NAME'"
std::string label_of(const TensorView& tensor) {
  return fmt::format("{}: tensor {}", tensor.file, printable(tensor.name));
}

float read_scale(const MappedFiles& files, const TensorView& scale) {
  const bool one = std::all_of(scale.shape.begin(), scale.shape.end(), [](auto size) { return size == 1; });
  if (!one || !scale.other_dtype.empty() || !is_float(scale.dtype)) {
    const std::string dtype =
        scale.other_dtype.empty() ? std::string(name_of(scale.dtype)) : printable(scale.other_dtype);
    fail("{}: expected one number (float32, float16 or bfloat16), found {} {}", label_of(scale), dtype,
         to_string(scale.shape));
  }
  std::array<std::byte, 4> bytes{};
  files.read(scale.bytes, bytes.data());
  const float value = load_float(bytes.data(), scale.dtype, 0);
  if (!std::isfinite(value)) fail("{}: expected a finite number, found {}", label_of(scale), value);
  return value;
}

Table products(float scale) {
  Table table;
  for (unsigned code = 0; code < table.size(); code++) {
    table[code] = e4m3_to_float(static_cast<std::uint8_t>(code)) * scale;
  }
  return table;
}

DType least_type(const Table& table) {
  for (const DType dtype : {DType::bfloat16, DType::float16}) {
    const bool exact = std::all_of(table.begin(), table.end(), [&](float value) {
      return std::isnan(value) || round_to(dtype, value) == value;
    });
    if (exact) return dtype;
  }
  return DType::float32;
}

class Float8Rows : public RowSource {
 public:
  Float8Rows(const MappedFiles& files, const TensorView& weight, const Table& table)
      : RowSource(weight.shape[0], weight.shape[1], least_type(table), label_of(weight)),
        files_(files),
        bytes_(weight.bytes),
        table_(table) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    const auto wanted = bytes_.subspan(static_cast<std::size_t>(begin * cols()),
                                       static_cast<std::size_t>((end - begin) * cols()));
    std::array<std::byte, kPiece> piece;
    for (std::size_t at = 0; at < wanted.size(); at += kPiece) {
      const std::size_t n = std::min(kPiece, wanted.size() - at);
      files_.read(wanted.subspan(at, n), piece.data());
      std::transform(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(n), out + at,
                     [&](std::byte code) { return table_[std::to_integer<std::size_t>(code)]; });
    }
  }

 private:
  static constexpr std::size_t kPiece = 16 << 10;  // stays in the first or second cache

  const MappedFiles& files_;
  std::span<const std::byte> bytes_;
  Table table_;
};

}  // namespace

std::unique_ptr<RowSource> float8_rows(const MappedFiles& files, const TensorView& weight,
                                       const TensorView& scale) {
  if (weight.other_dtype != kFloat8 || weight.shape.size() != 2) {
    fail("{}: expected a matrix of {}, found {}", label_of(weight), kFloat8, to_string(weight.shape));
  }
  if (bytes_of(weight.shape, 1) != weight.bytes.size()) {
    fail("{}: expected the bytes of {} {}, found {}", label_of(weight), kFloat8, to_string(weight.shape),
         weight.bytes.size());
  }
  return std::make_unique<Float8Rows>(files, weight, products(read_scale(files, scale)));
}

}  // namespace tramontane
