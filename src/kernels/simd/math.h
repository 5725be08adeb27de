#pragma once
#include <cstdint>

namespace tramontane {
namespace {

/// n rounded up to whole vectors.
template <class V>
constexpr std::int64_t padded(std::int64_t n) {
  return (n + V::lanes - 1) / V::lanes * V::lanes;
}

/// The sum of the lanes, in the order of V::sum4.
template <class V>
float sum(V a) {
  float sums[4];
  V::sum4(a, V::zero(), V::zero(), V::zero(), sums);
  return sums[0];
}

/// e^x to about 1e-7 relative, with exact limits: 0 at -infinity, infinity beyond the largest float, NaN for
/// NaN. e^x = 2^n e^r with n = round(x / ln 2), so |r| <= ln 2 / 2 and the first eight terms of the series
/// leave 6e-9.
template <class V>
V exp(V x) {
  // Clamped to where the result is 0 or infinite anyway, so that n stays small; NaN goes through.
  x = V::min(V::set(89.0F), V::max(V::set(-104.0F), x));
  const V n = V::round(x * V::set(1.44269504F));
  V r = V::fma(n, V::set(-0.693359375F),
               x);  // ln 2 = 0.693359375 - 2.12194440e-4; n times the first part is exact
  r = V::fma(n, V::set(2.12194440e-4F), r);
  V series = V::set(1.0F / 5040);
  series = V::fma(series, r, V::set(1.0F / 720));
  series = V::fma(series, r, V::set(1.0F / 120));
  series = V::fma(series, r, V::set(1.0F / 24));
  series = V::fma(series, r, V::set(1.0F / 6));
  series = V::fma(series, r, V::set(0.5F));
  series = V::fma(series, r, V::set(1.0F));
  series = V::fma(series, r, V::set(1.0F));
  return V::scale_by_power(series, n);
}

}  // namespace
}  // namespace tramontane
