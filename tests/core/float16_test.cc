#include "core/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace tramontane {
namespace {

/// A 16-bit float with `exponent_bits` by its definition (IEEE 754), in double.
double by_definition(unsigned bits, int exponent_bits) {
  const int fraction_bits = 15 - exponent_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(bits & ((1U << fraction_bits) - 1), -fraction_bits);
  const double sign = (bits >> 15) != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                         : std::numeric_limits<double>::quiet_NaN();
  }
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias);
  return sign * std::ldexp(1 + fraction, exponent - bias);
}

struct Format {
  const char* name;
  int exponent_bits;
  float (*to_float)(std::uint16_t);
  std::uint16_t (*from_float)(float);
};

class Float16 : public testing::TestWithParam<Format> {};

TEST_P(Float16, EveryPatternHasTheValueOfTheDefinition) {
  for (unsigned bits = 0; bits < 0x10000; bits++) {
    const double expected = by_definition(bits, GetParam().exponent_bits);
    const float value = GetParam().to_float(static_cast<std::uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(value), expected) << bits;
      ASSERT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    }
  }
}

TEST_P(Float16, EveryPatternSurvivesTheRoundTrip) {
  for (unsigned bits = 0; bits < 0x10000; bits++) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float value = GetParam().to_float(pattern);
    const std::uint16_t back = GetParam().from_float(value);
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(GetParam().to_float(back))) << bits;
    } else {
      ASSERT_EQ(back, pattern);
    }
  }
}

/// Between two neighbours and a hair to each side of the middle; ties go to the even pattern. Both of these
/// are exact in float32, which has at least 13 bits more.
TEST_P(Float16, RoundsToNearestWithTiesToEven) {
  const unsigned infinity = ((1U << GetParam().exponent_bits) - 1) << (15 - GetParam().exponent_bits);
  for (unsigned bits = 0; bits + 1 < infinity; bits++) {
    const float low = GetParam().to_float(static_cast<std::uint16_t>(bits));
    const float high = GetParam().to_float(static_cast<std::uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;
    const unsigned even = bits + (bits & 1);
    ASSERT_EQ(GetParam().from_float(middle), even) << bits;
    ASSERT_EQ(GetParam().from_float(std::nextafter(middle, low)), bits);
    ASSERT_EQ(GetParam().from_float(std::nextafter(middle, high)), bits + 1);
    ASSERT_EQ(GetParam().from_float(-middle), even | 0x8000U) << bits;
  }
  EXPECT_EQ(GetParam().from_float(std::numeric_limits<float>::max()), infinity);
  EXPECT_EQ(GetParam().from_float(std::numeric_limits<float>::infinity()), infinity);
}

TEST_P(Float16, KeepsEveryNanANan) {
  for (const std::uint32_t bits :
       {0x7f800001U, 0x7fc00000U, 0x7fffffffU, 0xff800001U, 0xffffffffU, 0x7f80ffffU}) {
    EXPECT_TRUE(std::isnan(GetParam().to_float(GetParam().from_float(std::bit_cast<float>(bits))))) << bits;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Float16,
                         testing::Values(Format{"float16", 5, float16_to_float, float_to_float16},
                                         Format{"bfloat16", 8, bfloat16_to_float, float_to_bfloat16}),
                         [](const auto& of) { return of.param.name; });

TEST(LoadFloat, ReadsEachDtypeAtAnyAlignment) {
  for (std::size_t shift = 0; shift < 4; shift++) {
    std::vector<std::byte> bytes(shift + 8);
    const float wide[] = {1.5F, -2.25F};
    std::memcpy(bytes.data() + shift, wide, 8);
    EXPECT_EQ(load_float(bytes.data() + shift, DType::float32, 1), -2.25F);
    const std::uint16_t half[] = {float_to_float16(1.5F), float_to_float16(-2.25F)};
    std::memcpy(bytes.data() + shift, half, 4);
    EXPECT_EQ(load_float(bytes.data() + shift, DType::float16, 1), -2.25F);
    const std::uint16_t brain[] = {float_to_bfloat16(1.5F), float_to_bfloat16(-2.25F)};
    std::memcpy(bytes.data() + shift, brain, 4);
    EXPECT_EQ(load_float(bytes.data() + shift, DType::bfloat16, 1), -2.25F);
  }
}

TEST(RoundTo, GivesTheNearestValueOfTheDtype) {
  const float third = 1.0F / 3;
  EXPECT_EQ(round_to(DType::float32, third), third);
  EXPECT_EQ(round_to(DType::float16, third), 0.333251953125F);
  EXPECT_EQ(round_to(DType::bfloat16, third), 0.333984375F);
}

}  // namespace
}  // namespace tramontane
