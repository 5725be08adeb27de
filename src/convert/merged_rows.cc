#include "convert/merged_rows.h"

#include <algorithm>
#include <utility>

#include "core/fail.h"

namespace tramontane {
namespace {

using Parts = std::vector<std::unique_ptr<RowSource>>;

std::int64_t total(const Parts& parts, std::int64_t (RowSource::*size)() const) {
  std::int64_t sum = 0;
  for (const auto& part : parts) sum += (*part.*size)();
  return sum;
}

void check_types(const Parts& parts) {
  for (const auto& part : parts) {
    if (part->dtype() == parts[0]->dtype()) continue;
    fail("{}: expected {} in every file, found {}", part->label(), name_of(parts[0]->dtype()),
         name_of(part->dtype()));
  }
}

class StackedRows : public RowSource {
 public:
  explicit StackedRows(Parts parts)
      : RowSource(total(parts, &RowSource::rows), parts[0]->cols(), parts[0]->dtype(), parts[0]->label()),
        parts_(std::move(parts)) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    std::int64_t first = 0;  // row of the part
    for (const auto& part : parts_) {
      const std::int64_t from = std::max(begin, first);
      const std::int64_t to = std::min(end, first + part->rows());
      if (from < to) part->read(from - first, to - first, out + (from - begin) * cols());
      first += part->rows();
    }
  }

 private:
  Parts parts_;
};

class JoinedRows : public RowSource {
 public:
  explicit JoinedRows(Parts parts)
      : RowSource(parts[0]->rows(), total(parts, &RowSource::cols), parts[0]->dtype(), parts[0]->label()),
        parts_(std::move(parts)) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    std::vector<float> scratch;
    std::int64_t column = 0;
    for (const auto& part : parts_) {
      const std::int64_t n = part->cols();
      const std::int64_t step = std::max<std::int64_t>(kPiece / std::max<std::int64_t>(n, 1), 1);
      scratch.resize(static_cast<std::size_t>(step * n));
      for (std::int64_t row = begin; row < end; row += step) {
        const std::int64_t stop = std::min(row + step, end);
        part->read(row, stop, scratch.data());
        for (std::int64_t r = row; r < stop; r++) {
          std::copy_n(scratch.data() + (r - row) * n, n, out + (r - begin) * cols() + column);
        }
      }
      column += n;
    }
  }

 private:
  static constexpr std::int64_t kPiece = 64 << 10;  // elements: in the second cache from read to copy

  Parts parts_;
};

}  // namespace

std::unique_ptr<RowSource> stacked_rows(Parts parts) {
  check_types(parts);
  return std::make_unique<StackedRows>(std::move(parts));
}

std::unique_ptr<RowSource> joined_rows(Parts parts) {
  check_types(parts);
  return std::make_unique<JoinedRows>(std::move(parts));
}

}  // namespace tramontane
