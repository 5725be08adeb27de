#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

// The one way in which tests compare floats with a reference.
namespace tramontane::testing {

/// Both must hold. Derive the numbers where you write them.
struct Tolerance {
  double relative_l2 = 0;                                    // |got - want| <= relative_l2 * |want|
  double max_abs = std::numeric_limits<double>::infinity();  // |got[i] - want[i]| <= max_abs
};

/// Whether `got` is within `tolerance` of `want`. Fails when there is nothing to compare, when the sizes
/// differ, and when anything on either side is not finite: a reference that is NaN too proves nothing.
template <class Got, class Want>
::testing::AssertionResult close(const Got& got_values, const Want& want_values, Tolerance tolerance) {
  const std::span got(got_values);
  const std::span want(want_values);
  if (got.size() != want.size()) {
    return ::testing::AssertionFailure() << got.size() << " values, expected " << want.size();
  }
  if (want.empty()) return ::testing::AssertionFailure() << "nothing to compare";
  double error = 0;
  double norm = 0;
  double worst = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double a = got[i];
    const double b = want[i];
    if (!std::isfinite(a) || !std::isfinite(b)) {
      return ::testing::AssertionFailure() << "at " << i << ": " << a << ", expected " << b << ": not finite";
    }
    const double difference = std::abs(a - b);
    error += difference * difference;
    norm += b * b;
    if (difference > worst) {
      worst = difference;
      where = i;
    }
  }
  const double relative = norm > 0 ? std::sqrt(error / norm) : std::sqrt(error);
  if (relative <= tolerance.relative_l2 && worst <= tolerance.max_abs) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "relative L2 error " << relative << " (at most " << tolerance.relative_l2
         << "), greatest difference " << worst << " (at most " << tolerance.max_abs << ") at " << where
         << ": " << got[where] << ", expected " << want[where];
}

}  // namespace tramontane::testing
