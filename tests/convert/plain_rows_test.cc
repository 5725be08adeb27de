#include "convert/plain_rows.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "checkpoint/support.h"
#include "core/float16.h"

namespace tramontane {
namespace {

using testing::contains;
using testing::error_of;
using testing::write_file;

/// A tensor of consecutive bit patterns, in a file at an odd address.
class PlainRowsTest : public ::testing::Test {
 protected:
  TensorView tensor(DType dtype, Shape shape) {
    const std::size_t size = size_of(dtype);
    const std::size_t count = *bytes_of(shape, 1);
    std::string bytes(3 + count * size, 'x');
    for (std::size_t i = 0; i < count; i++) {
      const auto pattern = static_cast<std::uint32_t>(i * (dtype == DType::float32 ? 65537 : 1));
      std::memcpy(bytes.data() + 3 + i * size, &pattern, size);
    }
    write_file(folder_ / "file", bytes);
    TensorView view;
    view.name = "w";
    view.file = "file";
    view.dtype = dtype;
    view.shape = std::move(shape);
    view.bytes = files_.open(folder_ / "file").bytes().subspan(3);
    return view;
  }
  testing::TempFolder folder_;
  MappedFiles files_;
};

TEST_F(PlainRowsTest, EveryValueOfEveryTypeIsExact) {
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
    // 256 * 257 elements: all patterns of 16 bits, in more than one piece and with a tail.
    const TensorView view = tensor(dtype, {256, 257});
    const auto rows = plain_rows(files_, view);
    EXPECT_EQ(rows->rows(), 256);
    EXPECT_EQ(rows->cols(), 257);
    EXPECT_EQ(rows->dtype(), dtype);
    std::vector<float> all(256 * 257);
    rows->read(0, 256, all.data());
    for (std::size_t i = 0; i < all.size(); i++) {
      const float expected = load_float(view.bytes.data(), dtype, i);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(all[i])) << i;
      } else {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(all[i]), std::bit_cast<std::uint32_t>(expected)) << i;
      }
    }
  }
}

TEST_F(PlainRowsTest, ReadsAnyRangeAndNothingBesideIt) {
  const TensorView view = tensor(DType::bfloat16, {10, 7});
  const auto rows = plain_rows(files_, view);
  for (const auto [begin, end] : {std::pair{0, 1}, std::pair{3, 8}, std::pair{9, 10}, std::pair{4, 4}}) {
    std::vector<float> out(static_cast<std::size_t>(end - begin) * 7 + 1, -1.0F);
    rows->read(begin, end, out.data());
    for (std::size_t i = 0; i + 1 < out.size(); i++) {
      EXPECT_EQ(out[i], load_float(view.bytes.data(), view.dtype, static_cast<std::size_t>(begin) * 7 + i));
    }
    EXPECT_EQ(out.back(), -1.0F);
  }
}

TEST_F(PlainRowsTest, AVectorIsOneRow) {
  const auto rows = plain_rows(files_, tensor(DType::float16, {5}));
  EXPECT_EQ(rows->rows(), 1);
  EXPECT_EQ(rows->cols(), 5);
  EXPECT_EQ(rows->label(), "file: tensor 'w'");
  EXPECT_FALSE(rows->stored_quant());
}

TEST_F(PlainRowsTest, OtherTypesAndShapesAreRefused) {
  const auto error = [&](const TensorView& view) { return error_of([&] { plain_rows(files_, view); }); };
  TensorView view = tensor(DType::float32, {2, 2, 2});
  EXPECT_EQ(error(view), "file: tensor 'w': expected a matrix or a vector, found [2, 2, 2]");
  EXPECT_TRUE(
      contains(error(tensor(DType::uint32, {2})), "expected float32, float16 or bfloat16, found uint32"));
  view.other_dtype = "I64";
  EXPECT_TRUE(contains(error(view), "found 'I64'"));
}

TEST_F(PlainRowsTest, AFileThatShrinksIsAnError) {
  for (const DType dtype : {DType::float32, DType::float16}) {
    const auto rows = plain_rows(files_, tensor(dtype, {4, 4}));
    std::filesystem::resize_file(folder_ / "file", 7);
    std::vector<float> out(16);
    EXPECT_TRUE(contains(error_of([&] { rows->read(0, 4, out.data()); }), "it changed while it was read"));
  }
}

}  // namespace
}  // namespace tramontane
