#include "support/compare.h"

#include <limits>
#include <vector>

namespace tramontane::testing {
namespace {

using Values = std::vector<float>;
constexpr Tolerance kTight{.relative_l2 = 1e-6, .max_abs = 1e-6};
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Compare, AcceptsEqualAndNearlyEqualValues) {
  EXPECT_TRUE(close(Values{1, -2, 3}, Values{1, -2, 3}, {}));
  EXPECT_TRUE(close(Values{1, -2, 3.0000002F}, Values{1, -2, 3}, kTight));
  EXPECT_TRUE(close(Values{0, 0}, std::vector<double>{0, 0}, {}));
}

TEST(Compare, RefusesOneFlippedSign) {
  EXPECT_FALSE(close(Values{1, 2, 3}, Values{1, -2, 3}, kTight));
  EXPECT_FALSE(close(Values{-1e-3F}, Values{1e-3F}, {.relative_l2 = 0.1, .max_abs = 1}));
}

TEST(Compare, RefusesNanAndInfinityOnEitherOrBothSides) {
  const Tolerance any{.relative_l2 = kInfinity, .max_abs = kInfinity};
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    EXPECT_FALSE(close(Values{1, bad}, Values{1, 2}, any));
    EXPECT_FALSE(close(Values{1, 2}, Values{1, bad}, any));
    EXPECT_FALSE(close(Values{1, bad}, Values{1, bad}, any));
  }
}

TEST(Compare, RefusesAnyErrorBeyondEitherTolerance) {
  EXPECT_FALSE(close(Values{1, 2.1F}, Values{1, 2}, {.relative_l2 = 1, .max_abs = 0.01}));
  EXPECT_FALSE(close(Values{1, 2.1F}, Values{1, 2}, {.relative_l2 = 0.01, .max_abs = 1}));
  EXPECT_FALSE(close(Values{1e-9F}, Values{0}, {.relative_l2 = 0, .max_abs = 1}));
}

TEST(Compare, RefusesDifferentSizesAndNothingAtAll) {
  EXPECT_FALSE(close(Values{1, 2}, Values{1}, kTight));
  EXPECT_FALSE(close(Values{}, Values{}, kTight));
}

}  // namespace
}  // namespace tramontane::testing
