#include "kernels/integer_products.h"

#include <algorithm>
#include <limits>

#include "kernels/fixtures.h"
#include "kernels/guarded_memory.h"
#include "support/compare.h"

namespace tramontane::testing {
namespace {

constexpr float kGuard = 12345;

/// The tables with integer products; on a machine without any, the tests have nothing to say.
std::vector<const Kernels*> tables_with_products() {
  std::vector<const Kernels*> found;
  for (const Kernels* table : runnable_kernels()) {
    if (table->integer != nullptr) found.push_back(table);
  }
  return found;
}

class IntegerProductsOf : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const IntegerProducts* products = GetParam()->integer;
};
using QuantizeRows = IntegerProductsOf;

/// Quantised rows with the memory they lie in.
struct Quantized {
  IntegerRows rows;
  Scratch memory;

  Quantized(const IntegerProducts& products, IntegerSpec spec, const std::vector<float>& x, std::int64_t cols)
      : rows{.spec = spec, .rows = static_cast<std::int64_t>(x.size()) / cols, .cols = cols},
        memory(rows.total_bytes() / sizeof(float)) {
    rows.at(reinterpret_cast<std::byte*>(memory.data()));
    products.quantize_rows(x.data(), 0, rows.rows, rows);
  }
};

/// What a group's activations are multiples of: its largest magnitude is the largest integer.
float scale_of(const float* group, const IntegerSpec& spec) {
  float most = 0;
  for (int k = 0; k < spec.quant.group_size; ++k) most = std::max(most, std::abs(group[k]));
  return most / (spec.limbs == 2 ? 32512.0F : 127.0F);
}

/// y in rows of w.rows + 3 floats; what is not written is kGuard.
std::vector<float> multiply(const IntegerProducts& products, const MatrixView& w, const std::vector<float>& x,
                            int limbs, std::int64_t begin, std::int64_t end) {
  const Quantized q(products, {w.quant, limbs}, x, w.cols);
  const std::int64_t stride = w.rows + 3;
  std::vector<float> y(static_cast<std::size_t>(q.rows.rows * stride), kGuard);
  Scratch scratch(products.scratch_floats(q.rows));
  products.linear({q.rows, w, begin, end, y.data(), stride, scratch.data()});
  return y;
}

/// Without the guards.
std::vector<float> product(const IntegerProducts& products, const MatrixView& w, const std::vector<float>& x,
                           int limbs) {
  const std::vector<float> y = multiply(products, w, x, limbs, 0, w.rows);
  std::vector<float> values;
  std::copy_if(y.begin(), y.end(), std::back_inserter(values), [](float v) { return v != kGuard; });
  EXPECT_EQ(values.size(), y.size() - x.size() / static_cast<std::size_t>(w.cols) * 3);
  return values;
}

std::vector<float> scalar_product(const MatrixView& w, const std::vector<float>& x) {
  const std::int64_t m = static_cast<std::int64_t>(x.size()) / w.cols;
  std::vector<float> y(static_cast<std::size_t>(m * w.rows));
  Scratch scratch(scalar_kernels.linear_scratch_floats);
  scalar_kernels.linear({x.data(), m, w, 0, w.rows, y.data(), w.rows, scratch.data()});
  return y;
}

/// The worst that rounding activations to half a step (a little more: x / scale is itself rounded, at 15 bits
/// of 24) and sums to float32 can do to an output: for each group half a step times the weights' magnitudes;
/// and, relative to the sum of |x||w|, one rounding per group, five in a term (conversion, two scales, two
/// products), and twice the bias's share, which is of the size of the rest.
double worst_error(const MatrixView& w, const std::vector<float>& x, int limbs) {
  const IntegerSpec spec{w.quant, limbs};
  const auto group_size = static_cast<std::size_t>(w.quant.group_size);
  const auto cols = static_cast<std::size_t>(w.cols);
  std::vector<double> half_steps;  // of each group of x
  for (std::size_t at = 0; at < x.size(); at += group_size)
    half_steps.push_back(0.505 * scale_of(&x[at], spec));
  std::vector<float> row(cols);
  const double unit = static_cast<double>(cols / group_size + 10) / (1 << 24);
  double worst = 0;
  for (std::int64_t n = 0; n < w.rows; ++n) {
    scalar_kernels.decode_row(w, n, row.data());
    double widest = 0;  // of a weight's integer and bias parts apart, which cancel in the weight itself
    for (const float weight : row) widest = std::max(widest, std::abs(double{weight}));
    for (std::size_t m = 0; m < x.size() / cols; ++m) {
      double error = 0;
      for (std::size_t k = 0; k < cols; ++k) {
        const std::size_t at = m * cols + k;
        error += half_steps[at / group_size] * std::abs(double{row[k]});
        error += unit * 4 * widest * std::abs(double{x[at]});
      }
      worst = std::max(worst, error);
    }
  }
  return worst;
}

// All tables at once: the definition takes longer than they do.
TEST(IntegerProducts, AgreeWithTheScalarDefinition) {
  for (const WeightFormat& format : affine_formats()) {
    const std::int64_t group = format.quant.group_size;
    for (const std::int64_t groups : {1, 5, 16, 35}) {
      const Matrix w(format, 37, groups * group, static_cast<unsigned>(groups));
      for (const std::int64_t m : {1, 2, 3, 7, 19}) {
        const auto x = random_floats(static_cast<std::size_t>(m * groups * group), static_cast<unsigned>(m));
        const auto want = scalar_product(w.view, x);
        for (const int limbs : {1, 2}) {
          const Tolerance tolerance = {.relative_l2 = limbs == 2 ? 5e-5 : 1.3e-2,
                                       .max_abs = worst_error(w.view, x, limbs)};
          for (const Kernels* table : tables_with_products()) {
            EXPECT_TRUE(close(product(*table->integer, w.view, x, limbs), want, tolerance))
                << table->name << " " << format.name() << " groups " << groups << " rows " << m << " limbs "
                << limbs;
          }
        }
      }
    }
  }
}

TEST(IntegerProducts, ContinueOverColumnsThatNoPanelHolds) {
  for (const QuantSpec quant : {QuantSpec{4, 64}, QuantSpec{8, 32}, QuantSpec{2, 128}, QuantSpec{3, 64}}) {
    const Matrix w({DType::float16, quant}, 33, 8192 + 128, 1);
    const auto x = random_floats(static_cast<std::size_t>(33 * w.view.cols), 2);
    const auto want = scalar_product(w.view, x);
    for (const Kernels* table : tables_with_products()) {
      EXPECT_TRUE(close(product(*table->integer, w.view, x, 2), want, {.relative_l2 = 5e-5}))
          << table->name << " " << quant.bits << " bits";
    }
  }
}

TEST_P(IntegerProductsOf, BatchedEqualsAloneAndSplitEqualsWholeBitForBit) {
  for (const WeightFormat& format : affine_formats()) {
    const std::int64_t cols = 4096 + 19 * format.quant.group_size;
    const std::int64_t rows = 45;
    const std::int64_t batch = 17;
    const Matrix w(format, rows, cols, 3);
    const auto x = random_floats(static_cast<std::size_t>(batch * cols), 4);
    for (const int limbs : {1, 2}) {
      const auto whole = product(*products, w.view, x, limbs);
      for (const std::int64_t m_rows : {1, 2, 3, 8}) {
        for (std::int64_t m = 0; m + m_rows <= batch; m += 5) {
          const std::vector<float> some(x.begin() + m * cols, x.begin() + (m + m_rows) * cols);
          std::vector<float> joined(static_cast<std::size_t>(m_rows * rows));
          for (const auto& [begin, end] : {std::pair{0, 1}, {1, 23}, {23, 45}}) {
            const auto part = multiply(*products, w.view, some, limbs, begin, end);
            for (std::int64_t i = 0; i < m_rows; ++i) {
              std::copy(part.begin() + i * (rows + 3) + begin, part.begin() + i * (rows + 3) + end,
                        joined.begin() + i * rows + begin);
            }
          }
          const std::vector<float> want(whole.begin() + m * rows, whole.begin() + (m + m_rows) * rows);
          EXPECT_TRUE(same_bits(joined, want)) << format.name() << " rows " << m_rows << " limbs " << limbs;
        }
      }
    }
  }
}

// As long as w2's of a 7B and a 24B: the latter are more than one piece for a single row of activations too.
TEST_P(IntegerProductsOf, LongRowsKeepTheirBitsAndTheirBounds) {
  const std::pair<QuantSpec, std::int64_t> shapes[] = {{{4, 64}, 14336},  {{3, 32}, 14336}, {{2, 64}, 14336},
                                                       {{8, 128}, 14336}, {{4, 32}, 32768}, {{5, 64}, 32768}};
  for (const auto& [quant, cols] : shapes) {
    Matrix w({DType::float16, quant}, 19, cols + std::int64_t{19} * quant.group_size, 3);
    const GuardedMemory data(w.data, Edge::end);
    const GuardedMemory scales(w.scales, Edge::end);
    const GuardedMemory biases(w.biases, Edge::end);
    w.point_to(data.data(), scales.data(), biases.data());
    const auto x = random_floats(static_cast<std::size_t>(40 * w.view.cols), 4);
    for (const int limbs : {1, 2}) {
      const auto whole = product(*products, w.view, x, limbs);
      if (limbs == 2) EXPECT_TRUE(close(whole, scalar_product(w.view, x), {.relative_l2 = 5e-5}));
      for (const std::int64_t m : {1, 2, 3, 21}) {
        const std::vector<float> some(x.begin(), x.begin() + m * w.view.cols);
        const std::vector<float> want(whole.begin(), whole.begin() + m * 19);
        EXPECT_TRUE(same_bits(product(*products, w.view, some, limbs), want))
            << quant.bits << " bits, rows " << m << " limbs " << limbs;
      }
    }
  }
}

TEST_P(IntegerProductsOf, WriteOnlyTheirRange) {
  const Matrix w({DType::bfloat16, {4, 32}}, 70, 64, 1);
  for (const std::int64_t m : {1, 2, 15}) {
    const auto x = random_floats(static_cast<std::size_t>(m * 64), 2);
    const auto y = multiply(*products, w.view, x, 2, 5, 64);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
      const bool inside = i % 73 >= 5 && i % 73 < 64;
      EXPECT_EQ(y[static_cast<std::size_t>(i)] != kGuard, inside) << "at " << i;
    }
  }
}

TEST_P(IntegerProductsOf, DoNotDependOnAlignment) {
  for (const WeightFormat& format : affine_formats()) {
    if (format.quant.group_size != 32) continue;
    constexpr std::size_t cols = 17 * 32;  // a step of 16 groups and one more
    Matrix w(format, 5, cols, 3);
    for (const std::size_t m : {1, 9}) {
      const auto x = random_floats(m * cols, 4);
      w.point_to(w.data.data(), w.scales.data(), w.biases.data());
      const auto want = product(*products, w.view, x, 2);
      for (std::size_t shift = 1; shift < 64; shift += 2) {
        const auto data = moved(w.data, shift);
        const auto scales = moved(w.scales, shift);
        const auto biases = moved(w.biases, shift);
        w.point_to(data.data() + shift, scales.data() + shift, biases.data() + shift);
        EXPECT_TRUE(same_bits(product(*products, w.view, x, 2), want))
            << format.name() << ", shift " << shift;
      }
    }
  }
}

TEST(HasIntegerProducts, ForAffineGroupsOnly) {
  MatrixView w{.quant = {4, 32}};
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32}) {
    w.scale_dtype = dtype;
    EXPECT_TRUE(has_integer_products(w));
  }
  for (const QuantMode mode : {QuantMode::mxfp4, QuantMode::mxfp8, QuantMode::nvfp4}) {
    w.quant.mode = mode;
    EXPECT_FALSE(has_integer_products(w));
  }
  EXPECT_FALSE(has_integer_products(MatrixView{}));
}

TEST_P(IntegerProductsOf, NeverTouchAByteOutsideTheirOperands) {
  for (const Edge edge : {Edge::begin, Edge::end}) {
    for (const WeightFormat& format : affine_formats()) {
      for (const std::int64_t groups : {3, 17}) {
        Matrix w(format, 5, groups * format.quant.group_size, 3);
        const GuardedMemory data(w.data, edge);
        const GuardedMemory scales(w.scales, edge);
        const GuardedMemory biases(w.biases, edge);
        w.point_to(data.data(), scales.data(), biases.data());
        for (const std::int64_t m : {1, 2, 8}) {
          for (const int limbs : {1, 2}) {
            const auto x = random_floats(static_cast<std::size_t>(m * w.view.cols), 4);
            const GuardedMemory inputs(x, edge);
            IntegerRows rows{.spec = {format.quant, limbs}, .rows = m, .cols = w.view.cols};
            const GuardedMemory integers(rows.total_bytes(), edge);
            rows.at(const_cast<std::byte*>(integers.data()));
            const GuardedMemory y(static_cast<std::size_t>(m * 5) * sizeof(float), edge);
            const GuardedMemory scratch(products->scratch_floats(rows) * sizeof(float), edge);
            products->quantize_rows(inputs.floats(), 0, m, rows);
            products->linear({rows, w.view, 0, 5, y.floats(), 5, scratch.floats()});
            const std::vector<float> got(y.floats(), y.floats() + m * 5);
            EXPECT_TRUE(same_bits(got, product(*products, w.view, x, limbs))) << format.name();
          }
        }
      }
    }
  }
}

/// A matrix of zeros in memory of its own.
Matrix zeros(QuantSpec quant, std::int64_t rows, std::int64_t cols) {
  Matrix w({DType::float16, quant}, rows, cols, 0);
  for (auto* bytes : {&w.data, &w.scales, &w.biases}) std::fill(bytes->begin(), bytes->end(), std::byte{0});
  return w;
}

constexpr std::byte kHighByteOfOne{0x3c};  // in float16

/// What quantize_rows made of x [rows, cols], as floats: products with rows that pick one element each.
/// `zero` is the weights' integer for nothing: 0, or 128 with a bias of -128.
std::vector<float> read_back(const IntegerProducts& products, IntegerSpec spec, const std::vector<float>& x,
                             std::int64_t cols, std::byte zero) {
  constexpr std::byte kHighByteOfMinus128{0xd8};
  Matrix w = zeros(spec.quant, cols, cols);
  for (std::size_t i = 1; i < w.scales.size(); i += 2) {
    w.scales[i] = kHighByteOfOne;
    if (zero != std::byte{0}) w.biases[i] = kHighByteOfMinus128;
  }
  std::fill(w.data.begin(), w.data.end(), zero);
  for (std::int64_t k = 0; k < cols; ++k) {
    const auto bit = static_cast<std::size_t>(k * spec.quant.bits);
    w.data[static_cast<std::size_t>(k) * w.view.row_bytes() + bit / 8] |= std::byte{1} << bit % 8;
  }
  return product(products, w.view, x, spec.limbs);
}

/// The sums of its groups [rows, groups]: products with rows whose bias picks one group each.
std::vector<float> read_back_sums(const IntegerProducts& products, IntegerSpec spec,
                                  const std::vector<float>& x, std::int64_t cols) {
  const std::int64_t groups = cols / spec.quant.group_size;
  Matrix w = zeros(spec.quant, groups, cols);
  for (std::int64_t g = 0; g < groups; ++g)
    w.biases[static_cast<std::size_t>(2 * (g * groups + g) + 1)] = kHighByteOfOne;
  return product(products, w.view, x, spec.limbs);
}

TEST_P(QuantizeRows, KeepsEveryElementToHalfAStep) {
  constexpr std::int64_t kGroups = 5;
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const int group_size : {32, 64, 128}) {
      for (const std::int64_t rows : {1, 3, 9, 13}) {
        const std::int64_t cols = kGroups * group_size;
        auto x = random_floats(static_cast<std::size_t>(rows * cols), 8);
        std::fill_n(x.begin() + group_size, group_size, 0.0F);
        for (const int limbs : {1, 2}) {
          const IntegerSpec spec{{bits, group_size}, limbs};
          // Where 8-bit weights are taken as signed, 128 counts as zero without rounding.
          const bool is_signed = bits == 8 && GetParam()->name.starts_with("neon");
          const auto kept = read_back(*products, spec, x, cols, is_signed ? std::byte{128} : std::byte{0});
          const auto sums = read_back_sums(*products, spec, x, cols);
          for (std::int64_t group = 0; group < rows * kGroups; ++group) {
            const auto first = static_cast<std::size_t>(group * group_size);
            const float scale = scale_of(x.data() + first, spec);
            double sum = 0;
            double sizes = 0;
            for (std::size_t k = first; k < first + static_cast<std::size_t>(group_size); ++k) {
              EXPECT_LE(std::abs(kept[k] - x[k]), 0.505F * scale);
              sum += kept[k];
              sizes += std::abs(kept[k]);
            }
            // Each element that was read back, and the sum, is rounded to float32.
            EXPECT_NEAR(sums[static_cast<std::size_t>(group)], sum, std::ldexp(sizes + std::abs(sum), -24));
          }
        }
      }
    }
  }
}

TEST_P(QuantizeRows, MakesARowWithNanOrInfinityNanAndNoOther) {
  const Matrix w({DType::float16, {4, 64}}, 20, 256, 3);
  for (const std::size_t m : {2, 9}) {
    for (const float bad :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(), NAN}) {
      auto x = random_floats(m * 256, 4);
      const auto want = product(*products, w.view, x, 2);
      x[256 + 70] = bad;
      const auto got = product(*products, w.view, x, 2);
      for (std::size_t i = 0; i < got.size(); ++i) {
        const bool spoilt = i / 20 == 1;
        EXPECT_EQ(std::isnan(got[i]), spoilt) << i;
        if (!spoilt) EXPECT_EQ(got[i], want[i]);
      }
    }
  }
}

TEST_P(QuantizeRows, TakesExtremeMagnitudes) {
  const Matrix w({DType::float16, {4, 64}}, 20, 64, 3);
  for (const float size : {1e-38F, 1e-29F, 1e30F}) {
    auto x = random_floats(64, 4);
    for (float& value : x) value *= size;
    const auto got = product(*products, w.view, x, 2);
    if (size < 1e-30F) {
      EXPECT_EQ(got, std::vector<float>(20, 0.0F));
    } else {
      EXPECT_TRUE(close(got, scalar_product(w.view, x), {.relative_l2 = 5e-5}));
    }
  }
}

std::string name_of_table(const ::testing::TestParamInfo<const Kernels*>& info) {
  return std::string(info.param->name);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(IntegerProductsOf);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(QuantizeRows);
INSTANTIATE_TEST_SUITE_P(Table, IntegerProductsOf, ::testing::ValuesIn(tables_with_products()),
                         name_of_table);
INSTANTIATE_TEST_SUITE_P(Table, QuantizeRows, ::testing::ValuesIn(tables_with_products()), name_of_table);

}  // namespace
}  // namespace tramontane::testing
