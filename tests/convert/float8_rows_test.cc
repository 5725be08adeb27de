#include "convert/float8_rows.h"

#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "checkpoint/support.h"
#include "core/float16.h"

namespace tramontane {
namespace {

using testing::contains;
using testing::error_of;

/// A matrix of every code, and its scale.
class Float8RowsTest : public ::testing::Test {
 protected:
  Float8RowsTest() {
    for (std::size_t i = 0; i < codes_.size(); i++) codes_[i] = static_cast<std::byte>(i % 256);
    weight_.name = "w";
    weight_.file = "file";
    weight_.other_dtype = "F8_E4M3";
    weight_.shape = {257, 256};
    weight_.bytes = codes_;
  }
  TensorView scale(float value, DType dtype = DType::float32, Shape shape = {}) {
    const std::uint16_t half = dtype == DType::float16 ? float_to_float16(value) : float_to_bfloat16(value);
    std::memcpy(scale_.data(), dtype == DType::float32 ? static_cast<const void*>(&value) : &half,
                size_of(dtype));
    TensorView view;
    view.name = "w.scale";
    view.file = "file";
    view.dtype = dtype;
    view.shape = std::move(shape);
    view.bytes = std::span(scale_).first(size_of(dtype));
    return view;
  }
  std::string error(const TensorView& scale) {
    return error_of([&] { float8_rows(files_, weight_, scale); });
  }
  MappedFiles files_;
  std::vector<std::byte> codes_ = std::vector<std::byte>(257 * 256);
  std::array<std::byte, 4> scale_{};
  TensorView weight_;
};

/// The format's definition: (-1)^s 2^(e - 7) (1 + m / 8), or below the normal numbers 2^-6 m / 8.
double e4m3(unsigned code) {
  const unsigned exponent = code >> 3 & 15;
  const unsigned mantissa = code & 7;
  const double magnitude =
      exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, static_cast<int>(exponent) - 10);
  return (code & 128) != 0 ? -magnitude : magnitude;
}

TEST_F(Float8RowsTest, EveryCodeIsItsValueTimesTheScale) {
  constexpr float kScale = 0.0123F;
  const auto rows = float8_rows(files_, weight_, scale(kScale));
  std::vector<float> out(257 * 256);
  rows->read(0, 257, out.data());
  for (std::size_t i = 0; i < out.size(); i++) {
    const unsigned code = i % 256;
    if ((code & 127) == 127) {
      EXPECT_TRUE(std::isnan(out[i]));
    } else {
      ASSERT_EQ(out[i], static_cast<float>(e4m3(code) * double{kScale})) << code;  // rounded once
    }
  }
  EXPECT_EQ(e4m3(126), 448);
  rows->read(256, 257, out.data());
  EXPECT_EQ(out[1], 0x1p-9F * kScale);
}

TEST_F(Float8RowsTest, TheTypeHoldsEveryValue) {
  EXPECT_EQ(float8_rows(files_, weight_, scale(0x1p-7F))->dtype(), DType::bfloat16);
  EXPECT_EQ(float8_rows(files_, weight_, scale(1.5F))->dtype(), DType::bfloat16);
  EXPECT_EQ(float8_rows(files_, weight_, scale(1 + 0x1p-6F))->dtype(), DType::float16);  // 7 + 4 bits
  EXPECT_EQ(float8_rows(files_, weight_, scale(0.0123F))->dtype(), DType::float32);
  EXPECT_EQ(float8_rows(files_, weight_, scale(255.0F / 128, DType::bfloat16))->dtype(), DType::float32);
}

TEST_F(Float8RowsTest, ScalesOfAnyFloatTypeAndFormOfOneAreRead) {
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
    for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1}}) {
      std::vector<float> row(256);
      float8_rows(files_, weight_, scale(0.25F, dtype, shape))->read(3, 4, row.data());
      EXPECT_EQ(row[0x38], 0.25F);  // the code of 1
    }
  }
}

TEST_F(Float8RowsTest, WhatIsNoSuchMatrixOrScaleIsRefused) {
  EXPECT_TRUE(contains(error(scale(1, DType::float32, {2})), "file: tensor 'w.scale': expected one number"));
  EXPECT_TRUE(
      contains(error(scale(std::numeric_limits<float>::infinity())), "expected a finite number, found inf"));
  TensorView other = scale(1);
  other.other_dtype = "F64";
  EXPECT_TRUE(contains(error(other), "found 'F64' []"));
  weight_.shape = {256, 256};
  EXPECT_TRUE(
      contains(error(scale(1)), "file: tensor 'w': expected the bytes of F8_E4M3 [256, 256], found 65792"));
  weight_.shape = {257, 16, 16};
  EXPECT_TRUE(contains(error(scale(1)), "expected a matrix of F8_E4M3, found [257, 16, 16]"));
}

}  // namespace
}  // namespace tramontane
