#include "convert/permuted_rows.h"

namespace tramontane {
namespace {

class PermutedRows final : public RowSource {
 public:
  PermutedRows(const RowSource& source, int head_dim, RopeLayout to)
      : RowSource(source.rows(), source.cols(), source.dtype(), source.label(), source.stored_quant()),
        source_(source),
        head_dim_(head_dim),
        to_(to) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    for (std::int64_t row = begin; row < end; ++row, out += cols()) {
      const std::int64_t from = source_row(row);
      source_.read(from, from + 1, out);
    }
  }

  void read_quantized(std::int64_t begin, std::int64_t end, const QuantizedRows& out) const override {
    const StoredQuant stored = stored_quant().value_or(StoredQuant{});
    const std::size_t words = words_bytes(cols(), stored.spec);
    const std::size_t scales = scales_bytes(cols(), stored.spec, stored.scale_dtype);
    QuantizedRows at = out;
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t from = source_row(row);
      source_.read_quantized(from, from + 1, at);
      at.words += words;
      at.scales += scales;
      if (at.biases != nullptr) at.biases += scales;
    }
  }

 private:
  std::int64_t source_row(std::int64_t row) const {
    const std::int64_t i = row % head_dim_;
    const std::int64_t half = head_dim_ / 2;
    const std::int64_t from = to_ == RopeLayout::interleaved ? i / 2 + i % 2 * half : i % half * 2 + i / half;
    return row - i + from;
  }

  const RowSource& source_;
  std::int64_t head_dim_;
  RopeLayout to_;
};

}  // namespace

std::unique_ptr<RowSource> permuted_rows(const RowSource& source, int head_dim, RopeLayout to) {
  return std::make_unique<PermutedRows>(source, head_dim, to);
}

}  // namespace tramontane
