#include "core/small_float.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tramontane {
namespace {

TEST(SmallFloat, E2m1IsTheTableOfTheSpecification) {
  const float magnitudes[] = {0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  for (unsigned bits = 0; bits < 8; ++bits) {
    EXPECT_EQ(e2m1_to_float(bits), magnitudes[bits]);
    EXPECT_EQ(e2m1_to_float(bits | 8), -magnitudes[bits]);
    EXPECT_TRUE(std::signbit(e2m1_to_float(bits | 8)));
    EXPECT_EQ(e2m1_to_float(bits | 0x30), magnitudes[bits]);  // higher bits are the next element's
  }
}

TEST(SmallFloat, E4m3IsSignExponentAndMantissa) {
  for (int code = 0; code < 256; ++code) {
    const int exponent = code >> 3 & 15;
    const int mantissa = code & 7;
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    const float found = e4m3_to_float(static_cast<std::uint8_t>(code));
    if ((code & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(found));
    } else {
      EXPECT_EQ(found, (code & 0x80) != 0 ? -magnitude : magnitude) << code;
    }
    EXPECT_EQ(std::signbit(found), (code & 0x80) != 0) << code;
  }
  EXPECT_EQ(e4m3_to_float(0x7e), 448);
}

TEST(SmallFloat, E8m0IsAPowerOfTwo) {
  for (int code = 0; code < 255; ++code) {
    EXPECT_EQ(e8m0_to_float(static_cast<std::uint8_t>(code)), std::ldexp(1.0F, code - 127)) << code;
  }
  EXPECT_EQ(e8m0_to_float(255), INFINITY);
}

}  // namespace
}  // namespace tramontane
