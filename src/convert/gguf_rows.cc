#include "convert/gguf_rows.h"

#include <algorithm>
#include <array>

#include "checkpoint/checkpoint.h"
#include "checkpoint/ggml_types.h"
#include "convert/gguf_blocks.h"
#include "convert/plain_rows.h"
#include "core/fail.h"

namespace tramontane {
namespace {

/// Rows are whole numbers of blocks, so that consecutive rows are one run of blocks.
class GgufRows final : public RowSource {
 public:
  GgufRows(const MappedFiles& files, const GgufTensor& tensor, const GgufBlocks& blocks, std::int64_t rows)
      : RowSource(rows, tensor.shape.back(), DType::float32, label_of(tensor),
                  StoredQuant{blocks.spec, blocks.scale_dtype, blocks.lossless, std::string(blocks.name)}),
        files_(files),
        bytes_(tensor.bytes),
        blocks_(blocks) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    for_each_piece(begin, end, [&](const std::byte* piece, std::size_t count) {
      blocks_.decode(piece, count, out);
      out += count * blocks_.elements;
    });
  }

  void read_quantized(std::int64_t begin, std::int64_t end, const QuantizedRows& out) const override {
    if (!blocks_.lossless) RowSource::read_quantized(begin, end, out);                // throws
    const std::size_t group_words = static_cast<std::size_t>(blocks_.spec.bits) * 4;  // bytes of 32 elements
    QuantizedRows to = out;
    for_each_piece(begin, end, [&](const std::byte* piece, std::size_t count) {
      if (!blocks_.carry(piece, count, to)) refuse_scale();
      const std::size_t groups = count * blocks_.elements / 32;
      to.words += groups * group_words;
      to.scales += groups * size_of(blocks_.scale_dtype);
      to.biases += groups * size_of(blocks_.scale_dtype);
    });
  }

 private:
  static constexpr std::size_t kPiece = 128;      // blocks: in the first or second cache from read to use
  static constexpr std::size_t kMostBytes = 210;  // of a block

  template <class Action>
  void for_each_piece(std::int64_t begin, std::int64_t end, Action action) const {
    std::array<std::byte, kPiece * kMostBytes> piece;
    const std::size_t blocks_per_row = static_cast<std::size_t>(cols()) / blocks_.elements;
    std::size_t at = static_cast<std::size_t>(begin) * blocks_per_row;
    const std::size_t last = static_cast<std::size_t>(end) * blocks_per_row;
    while (at < last) {
      const std::size_t count = std::min(kPiece, last - at);
      files_.read(bytes_.subspan(at * blocks_.bytes, count * blocks_.bytes), piece.data());
      action(piece.data(), count);
      at += count;
    }
  }

  [[noreturn]] void refuse_scale() const {
    fail(
        "{}: expected scales that are finite and biases that float16 holds, found others (choose another "
        "quantisation, or none, to have it computed anew)",
        label());
  }

  const MappedFiles& files_;
  std::span<const std::byte> bytes_;
  const GgufBlocks& blocks_;
};

std::optional<DType> plain_dtype(std::uint32_t type) {
  if (type == kF32) return DType::float32;
  if (type == kF16) return DType::float16;
  if (type == kBF16) return DType::bfloat16;
  return std::nullopt;
}

}  // namespace

std::unique_ptr<RowSource> gguf_rows(const MappedFiles& files, const GgufTensor& tensor) {
  if (tensor.shape.size() > 2) {
    fail("{}: expected a matrix or a vector, found {}", label_of(tensor), to_string(tensor.shape));
  }
  if (const auto dtype = plain_dtype(tensor.type)) {
    TensorView view;
    view.name = tensor.name;
    view.file = tensor.file;
    view.dtype = *dtype;
    view.shape = tensor.shape;
    view.bytes = tensor.bytes;
    return plain_rows(files, view);
  }
  const GgufBlocks* blocks = find_gguf_blocks(tensor.type);
  if (blocks == nullptr) {
    fail(
        "{}: expected F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, or Q2_K to Q6_K, found {}, which is not "
        "supported",
        label_of(tensor), name_of_ggml_type(tensor.type));
  }
  const std::int64_t rows = tensor.shape.size() == 2 ? tensor.shape[0] : 1;
  return std::make_unique<GgufRows>(files, tensor, *blocks, rows);
}

}  // namespace tramontane
