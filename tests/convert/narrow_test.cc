#include "convert/narrow.h"

#include <bit>
#include <cmath>
#include <limits>

#include "convert/support.h"
#include "core/float16.h"

namespace tramontane {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Floats of every exponent, next to what 16 bits can hold and half-way between.
std::vector<float> interesting() {
  std::vector<float> values = {0.0F, -0.0F, kInfinity, -kInfinity, 65504, 65519.99F, 65520, 3e38F};
  std::uint32_t bits = 0x3c6ef372;
  for (int i = 0; i < 4096; ++i) {
    bits = bits * 1664525 + 1013904223;
    const auto value = std::bit_cast<float>(i % 3 == 0   ? bits & 0xffff8000
                                            : i % 3 == 1 ? bits & 0xfffff000
                                                         : bits);
    if (!std::isnan(value)) values.push_back(value);
  }
  return values;
}

TEST(NarrowTest, EveryValueIsRoundedAsTheScalarConversionDoes) {
  const std::vector<float> values = interesting();
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32}) {
    std::vector<std::byte> out(values.size() * 4 + 1);
    std::vector<float> rounded = values;
    narrow(values, dtype, out.data() + 1);
    round_to(rounded, dtype, out);
    narrow(values, dtype, out.data() + 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float expected = round_to(dtype, values[i]);
      const auto same = [&](float found) {
        return std::bit_cast<std::uint32_t>(found) == std::bit_cast<std::uint32_t>(expected);
      };
      ASSERT_TRUE(same(load_float(out.data() + 1, dtype, i))) << values[i] << " as " << name_of(dtype);
      ASSERT_TRUE(same(rounded[i])) << values[i] << " as " << name_of(dtype);
    }
  }
}

TEST(NarrowTest, TailsOfAnyLengthStayWithinTheirBytes) {
  for (std::size_t n = 0; n < 20; ++n) {
    const std::vector<float> values(n, 1.5F);
    std::vector<std::byte> out(2 * n + 2, std::byte{0xaa});
    narrow(values, DType::float16, out.data());
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(load_float(out.data(), DType::float16, i), 1.5F);
    EXPECT_EQ(out[2 * n], std::byte{0xaa});
    EXPECT_EQ(out[2 * n + 1], std::byte{0xaa});
  }
}

TEST(NarrowTest, OverflowsAreCountedAsRoundingMakesThem) {
  const std::vector<float> values = interesting();
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32}) {
    std::size_t expected = 0;
    for (const float value : values)
      expected += std::isfinite(value) && std::isinf(round_to(dtype, value)) ? 1 : 0;
    EXPECT_EQ(count_overflows(values, dtype), expected) << name_of(dtype);
  }
  EXPECT_GT(count_overflows(values, DType::float16), 100U);
  const std::vector<float> edge = {0x1.fffffep127F, 0x1.fep127F, 0x1.ffp127F, -0x1.ffp127F};
  EXPECT_EQ(count_overflows(edge, DType::bfloat16), 3U);
}

}  // namespace
}  // namespace tramontane
