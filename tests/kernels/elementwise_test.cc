#include <limits>

#include "kernels/fixtures.h"
#include "kernels/guarded_memory.h"
#include "support/compare.h"

namespace tramontane::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kUnit = 1.0 / (1 << 24);  // half a unit in the last place of 1: the error of one rounding

std::vector<std::size_t> sizes() {
  std::vector<std::size_t> all = {64, 172, 1000, 4096};
  for (std::size_t n = 1; n <= 40; ++n) all.push_back(n);
  return all;
}

double greatest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(double{value}));
  return most;
}

/// `roundings` of every result, relative to itself.
Tolerance relative(double roundings, const std::vector<float>& want) {
  return {.relative_l2 = roundings * kUnit, .max_abs = roundings * kUnit * greatest(want)};
}

TEST(RmsNorm, AgreesWithScalar) {
  for (const std::size_t n : sizes()) {
    const std::vector<float> x = random_floats(n, 1, 3);
    const std::vector<float> weight = random_floats(n, 2);
    std::vector<float> want(n);
    scalar_kernels.rms_norm(x.data(), weight.data(), 1e-5F, static_cast<std::int64_t>(n), want.data());
    for (const Kernels* kernels : vector_kernels()) {
      const GuardedMemory y(n * sizeof(float), Edge::end);
      kernels->rms_norm(x.data(), weight.data(), 1e-5F, static_cast<std::int64_t>(n), y.floats());
      // All squares are positive: at most n / 8 + 4 roundings of their sum, halved by the root, and 6 more.
      EXPECT_TRUE(close(std::span(y.floats(), n), want, relative(static_cast<double>(n) / 16 + 8, want)))
          << kernels->name << " n " << n;
    }
  }
}

TEST(RmsNorm, UsesEpsilonAndTheMean) {
  const std::vector<float> x = {3, -3, 3, -3};
  const std::vector<float> weight = {1, 2, -1, 0};
  for (const Kernels* kernels : runnable_kernels()) {
    std::vector<float> y(4);
    kernels->rms_norm(x.data(), weight.data(), 7, 4, y.data());  // sqrt(9 + 7) = 4
    EXPECT_EQ(y, (std::vector<float>{0.75F, -1.5F, -0.75F, 0})) << kernels->name;
  }
}

TEST(Rope, AgreesWithScalarInBothLayouts) {
  for (const RopeLayout layout : {RopeLayout::interleaved, RopeLayout::half_split}) {
    for (const int head_dim : {2, 6, 8, 16, 34, 80, 128, 256}) {
      for (const int n_heads : {1, 3}) {
        const auto pairs = static_cast<std::size_t>(head_dim / 2);
        std::vector<float> cos(pairs), sin(pairs);
        for (std::size_t i = 0; i < pairs; ++i) {
          cos[i] = std::cos(0.7F * static_cast<float>(i + 1));
          sin[i] = std::sin(0.7F * static_cast<float>(i + 1));
        }
        const std::vector<float> x = random_floats(2 * pairs * static_cast<std::size_t>(n_heads), 5);
        std::vector<float> want = x;
        scalar_kernels.rope(want.data(), n_heads, head_dim, cos.data(), sin.data(), layout);
        for (const Kernels* kernels : vector_kernels()) {
          const GuardedMemory got(x, Edge::end);
          kernels->rope(got.floats(), n_heads, head_dim, cos.data(), sin.data(), layout);
          // Two products and a sum, of numbers up to sqrt(2) times the greatest x.
          const double bound = 4 * kUnit * greatest(x);
          EXPECT_TRUE(
              close(std::span(got.floats(), x.size()), want, {.relative_l2 = 6 * kUnit, .max_abs = bound}))
              << kernels->name << " head_dim " << head_dim;
        }
      }
    }
  }
}

TEST(Rope, RotatesThePairsOfItsLayout) {
  const float cos[] = {0, 1};
  const float sin[] = {1, 0};  // a quarter turn of the first pair
  for (const Kernels* kernels : runnable_kernels()) {
    std::vector<float> x = {1, 2, 3, 4};
    kernels->rope(x.data(), 1, 4, cos, sin, RopeLayout::interleaved);
    EXPECT_EQ(x, (std::vector<float>{-2, 1, 3, 4})) << kernels->name;
    x = {1, 2, 3, 4};
    kernels->rope(x.data(), 1, 4, cos, sin, RopeLayout::half_split);
    EXPECT_EQ(x, (std::vector<float>{-3, 2, 1, 4})) << kernels->name;
  }
}

/// For very negative gates silu is gate * e^gate, so this is also the test of exp for positive arguments
/// (attention_test has the negative ones).
TEST(SiluMul, AgreesWithScalarOverTheWholeRange) {
  std::vector<float> gate = {0, -0.0F, 1e-30F, -1e-30F, 1e30F, 88, -88, 300, -300};
  for (float g = -87; g <= 87; g += 0.00371F) gate.push_back(g);
  const std::vector<float> up = random_floats(gate.size(), 3);
  std::vector<float> want(gate.size());
  scalar_kernels.silu_mul(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()), want.data());
  for (const Kernels* kernels : vector_kernels()) {
    std::vector<float> got(gate.size());
    kernels->silu_mul(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()), got.data());
    EXPECT_TRUE(close(got, want, relative(8, want))) << kernels->name;
    for (std::size_t i = 0; i < gate.size(); ++i) {
      // Relative to each result: exp to 2 units, the sum, the quotient and the product; below 2^-120, where
      // e^-g is beyond float32 or the result is nearly denormal, absolutely.
      EXPECT_NEAR(got[i], want[i], 8 * kUnit * std::abs(want[i]) + 0x1p-118)
          << kernels->name << " " << gate[i];
    }
  }
}

TEST(SiluMul, HoldsItsLimitsAndMayWorkInPlace) {
  for (const Kernels* kernels : runnable_kernels()) {
    std::vector<float> x = {1e38F, -1e38F, kInfinity, 2, NAN};
    const std::vector<float> up = {1, 1, 1, 3, 1};
    kernels->silu_mul(x.data(), up.data(), 5, x.data());
    EXPECT_EQ(x[0], 1e38F) << kernels->name;
    EXPECT_EQ(x[1], 0) << kernels->name;
    EXPECT_EQ(x[2], kInfinity) << kernels->name;
    EXPECT_NEAR(x[3], 6 / (1 + std::exp(-2.0)), 1e-6) << kernels->name;
    EXPECT_TRUE(std::isnan(x[4])) << kernels->name;
  }
}

TEST(SiluMul, StaysInsideItsOperands) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (const std::size_t n : sizes()) {
      const GuardedMemory gate(random_floats(n, 1), Edge::end);
      const GuardedMemory up(random_floats(n, 2), Edge::end);
      const GuardedMemory out(n * sizeof(float), Edge::end);
      kernels->silu_mul(gate.floats(), up.floats(), static_cast<std::int64_t>(n), out.floats());
      kernels->add(gate.floats(), up.floats(), static_cast<std::int64_t>(n));
    }
  }
}

TEST(Add, IsExact) {
  for (const std::size_t n : sizes()) {
    const std::vector<float> x = random_floats(n, 1);
    const std::vector<float> y = random_floats(n, 2);
    for (const Kernels* kernels : runnable_kernels()) {
      std::vector<float> got = x;
      kernels->add(got.data(), y.data(), static_cast<std::int64_t>(n));
      for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(got[i], x[i] + y[i]) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace tramontane::testing
