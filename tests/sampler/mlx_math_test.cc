#include "sampler/mlx_math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace tramontane {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

void expect_rounds_as_the_definition(DType dtype, std::vector<float> values) {
  std::vector<float> rounded = values;
  mlx::round_row(dtype, rounded);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float expected = round_to(dtype, values[i]);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(rounded[i])) << values[i];
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded[i]), std::bit_cast<std::uint32_t>(expected))
          << values[i];
    }
  }
}

TEST(RoundRow, RoundsEveryKindOfFloatAsTheDefinition) {
  std::vector<float> values;
  for (std::uint64_t bits = 0; bits <= 0xffffffff; bits += 4093) {
    values.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
    expect_rounds_as_the_definition(dtype, values);
  }
}

TEST(RoundRow, BreaksTiesToEvenAtEveryFloat16) {
  std::vector<float> values;
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float16_to_float(static_cast<std::uint16_t>(bits));
    if (!std::isfinite(value)) continue;
    const float next = float16_to_float(static_cast<std::uint16_t>(bits + 1));
    const float middle = std::isfinite(next) ? (value + next) / 2 : std::copysign(65520.0f, value);
    for (const float near :
         {value, middle, std::nextafter(middle, infinity), std::nextafter(middle, -infinity)}) {
      values.push_back(near);
    }
  }
  expect_rounds_as_the_definition(DType::float16, values);
}

TEST(Argmax, FindsTheFirstOfEqualsAtAnyLength) {
  for (std::size_t size = 1; size < 70; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      std::vector<float> row(size, -3.0f);
      row[place] = 2;
      row.back() = 2;
      EXPECT_EQ(mlx::argmax(row), place);
    }
  }
}

TEST(Argmax, TakesInfinitiesAndSignedZeros) {
  EXPECT_EQ(mlx::argmax(std::vector<float>(20, -infinity)), 0U);
  EXPECT_EQ(mlx::argmax(std::vector<float>{1, infinity, infinity}), 1U);
  EXPECT_EQ(mlx::argmax(std::vector<float>{-0.0f, 0.0f}), 0U);
}

TEST(HasNan, SeesOneAnywhere) {
  for (std::size_t place = 0; place < 40; ++place) {
    std::vector<float> row(40, infinity);
    EXPECT_FALSE(mlx::has_nan(row));
    row[place] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(mlx::has_nan(row));
  }
}

TEST(Exp, IsCloseToTheExponentialAndCutAtItsEnds) {
  // The polynomial of degree 6 is good to a few units in the last place, and x / ln 2 is rounded once, which
  // costs |x| * 2^-24 relative.
  for (float x = -87.5f; x < 87.5f; x += 0.037f) {
    const double expected = std::exp(static_cast<double>(x));
    EXPECT_NEAR(mlx::exp(x), expected, expected * (4 + std::abs(x) * 3) * 0x1p-24) << x;
  }
  EXPECT_EQ(mlx::exp(-88.01f), 0.0f);
  EXPECT_EQ(mlx::exp(88.01f), infinity);
  EXPECT_EQ(mlx::exp(-infinity), 0.0f);
  EXPECT_EQ(mlx::exp(0.0f), 1.0f);
  EXPECT_TRUE(std::isnan(mlx::exp(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace tramontane
