#include "convert/merged_rows.h"

#include "support/error_of.h"

namespace tramontane {
namespace {

/// A matrix whose element at (row, col) is origin + 1000 * row + col.
class Grid : public RowSource {
 public:
  Grid(std::int64_t rows, std::int64_t cols, float origin, DType dtype = DType::float16)
      : RowSource(rows, cols, dtype, "grid"), origin_(origin) {}

  void read(std::int64_t begin, std::int64_t end, float* out) const override {
    for (std::int64_t row = begin; row < end; row++) {
      for (std::int64_t col = 0; col < cols(); col++) *out++ = origin_ + static_cast<float>(1000 * row + col);
    }
  }

 private:
  float origin_;
};

/// Whether every range of rows of `merged` is that of one Grid of its size, and nothing beside it is touched.
void expect_grid(const RowSource& merged) {
  const Grid whole(merged.rows(), merged.cols(), 0);
  for (std::int64_t begin = 0; begin <= merged.rows(); begin++) {
    for (std::int64_t end = begin; end <= merged.rows(); end++) {
      const auto size = static_cast<std::size_t>((end - begin) * merged.cols());
      std::vector<float> expected(size + 1, -1);
      std::vector<float> found(size + 1, -1);
      whole.read(begin, end, expected.data());
      merged.read(begin, end, found.data());
      EXPECT_EQ(found, expected) << begin << " to " << end;
    }
  }
}

TEST(StackedRows, AreOneBelowTheOther) {
  std::vector<std::unique_ptr<RowSource>> parts;
  parts.push_back(std::make_unique<Grid>(3, 5, 0));
  parts.push_back(std::make_unique<Grid>(1, 5, 3000));
  parts.push_back(std::make_unique<Grid>(4, 5, 4000));
  const auto merged = stacked_rows(std::move(parts));
  EXPECT_EQ(merged->rows(), 8);
  EXPECT_EQ(merged->cols(), 5);
  EXPECT_EQ(merged->dtype(), DType::float16);
  expect_grid(*merged);
}

TEST(JoinedRows, AreSideBySide) {
  std::vector<std::unique_ptr<RowSource>> parts;
  parts.push_back(std::make_unique<Grid>(7, 2, 0));
  parts.push_back(std::make_unique<Grid>(7, 3, 2));
  parts.push_back(std::make_unique<Grid>(7, 1, 5));
  const auto merged = joined_rows(std::move(parts));
  EXPECT_EQ(merged->rows(), 7);
  EXPECT_EQ(merged->cols(), 6);
  expect_grid(*merged);
}

TEST(JoinedRows, OfManyColumnsAreReadInPieces) {
  constexpr std::int64_t kCols = 40'000;  // two rows of them are more than a piece
  std::vector<std::unique_ptr<RowSource>> parts;
  parts.push_back(std::make_unique<Grid>(3, kCols, 0));
  parts.push_back(std::make_unique<Grid>(3, kCols, kCols));
  expect_grid(*joined_rows(std::move(parts)));
}

TEST(MergedRows, OfTwoTypesAreRefused) {
  for (const auto merge : {stacked_rows, joined_rows}) {
    std::vector<std::unique_ptr<RowSource>> parts;
    parts.push_back(std::make_unique<Grid>(2, 2, 0));
    parts.push_back(std::make_unique<Grid>(2, 2, 0, DType::float32));
    EXPECT_EQ(testing::error_of([&] { merge(std::move(parts)); }),
              "grid: expected float16 in every file, found float32");
  }
}

}  // namespace
}  // namespace tramontane
