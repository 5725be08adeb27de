#include <algorithm>

#include "kernels/fixtures.h"
#include "kernels/guarded_memory.h"
#include "support/compare.h"

namespace tramontane::testing {
namespace {

constexpr float kGuard = 12345;  // around and between outputs

/// y of a whole product, or of rows [begin, end) of w, in rows of w.rows + 3 floats; what is not written is
/// kGuard.
std::vector<float> multiply(const Kernels& kernels, const MatrixView& w, const float* x, std::int64_t m,
                            std::int64_t begin, std::int64_t end) {
  const std::int64_t stride = w.rows + 3;
  std::vector<float> y(static_cast<std::size_t>((m + 2) * stride), kGuard);
  Scratch scratch(kernels.linear_scratch_floats);
  kernels.linear({.x = x,
                  .m_rows = m,
                  .w = w,
                  .row_begin = begin,
                  .row_end = end,
                  .y = y.data() + stride,
                  .y_stride = stride,
                  .scratch = scratch.data()});
  return y;
}

std::vector<float> multiply(const Kernels& kernels, const MatrixView& w, const std::vector<float>& x) {
  return multiply(kernels, w, x.data(), static_cast<std::int64_t>(x.size()) / w.cols, 0, w.rows);
}

/// Each term of a product suffers at most this many roundings: its multiply-add and those after it in the
/// same lane (a lane has at most 1024 / 8 terms of a block), the 4 levels of adding lanes, one per block, and
/// the conversion of the reference; each of them at most 2^-24 of the sum of magnitudes.
double roundings(std::int64_t k) {
  const std::int64_t in_lane = std::min<std::int64_t>(1024 / 8, k / 8 + 1);
  return static_cast<double>(in_lane + 4 + k / 1024 + 1 + 1);
}

/// The worst case of the above for this product: sums of |x||w| from the scalar kernel on magnitudes.
Tolerance tolerance_of(const MatrixView& w, const std::vector<float>& x, const std::vector<float>& want) {
  std::vector<float> row(static_cast<std::size_t>(w.cols));
  const double unit = roundings(w.cols) / (1 << 24);
  double most = 0;
  double squares = 0;
  double norm = 0;
  for (std::int64_t n = 0; n < w.rows; ++n) {
    scalar_kernels.decode_row(w, n, row.data());
    for (std::size_t m = 0; m < x.size() / row.size(); ++m) {
      double magnitude = 0;
      for (std::size_t k = 0; k < row.size(); ++k) {
        magnitude += std::abs(double{x[m * row.size() + k]} * double{row[k]});
      }
      most = std::max(most, magnitude);
      squares += magnitude * magnitude;
    }
  }
  for (const float value : want) norm += value == kGuard ? 0 : double{value} * double{value};
  return {.relative_l2 = unit * std::sqrt(squares / norm), .max_abs = unit * most};
}

/// The values of y that are not guards; fails if there are fewer or more than rows * cols.
std::vector<float> written(const std::vector<float>& y, std::size_t expected) {
  std::vector<float> values;
  std::copy_if(y.begin(), y.end(), std::back_inserter(values), [](float v) { return v != kGuard; });
  EXPECT_EQ(values.size(), expected) << "outputs written";
  return values;
}

void expect_agrees_with_scalar(const WeightFormat& format, std::int64_t m, std::int64_t n, std::int64_t k) {
  const Matrix w(format, n, k, static_cast<unsigned>(m + 100 * n + 10000 * k));
  const std::vector<float> x = random_floats(static_cast<std::size_t>(m * k), static_cast<unsigned>(m * k));
  const auto count = static_cast<std::size_t>(m * n);
  const std::vector<float> want = written(multiply(scalar_kernels, w.view, x), count);
  const Tolerance tolerance = tolerance_of(w.view, x, want);
  for (const Kernels* kernels : vector_kernels()) {
    const std::vector<float> y = multiply(*kernels, w.view, x);
    EXPECT_TRUE(close(written(y, count), want, tolerance))
        << kernels->name << " " << format.name() << " m " << m << " n " << n << " k " << k;
  }
}

TEST(Linear, AgreesWithScalarForEveryQuantisedFormat) {
  for (const WeightFormat& format : quantized_formats()) {
    for (const std::int64_t m : {1, 2, 5, 14}) expect_agrees_with_scalar(format, m, 7, 384);
    expect_agrees_with_scalar(format, 1, 3, 1024 + 128);
    expect_agrees_with_scalar(format, 14, 5, 1024 + 128);
  }
}

TEST(Linear, AgreesWithScalarForEveryNumberOfGroups) {
  for (const WeightFormat& format : small_float_formats()) {
    for (const std::int64_t groups : {1, 2, 3, 5, 15, 17, 31, 33, 63, 64, 65, 127}) {
      for (const std::int64_t m : {1, 3, 14}) {
        expect_agrees_with_scalar(format, m, 5, groups * format.quant.group_size);
      }
    }
  }
}

TEST(Linear, AgreesWithScalarForEveryTailOfPlainColumns) {
  std::vector<std::int64_t> sizes = {172, 1023, 1024, 1025, 2050};
  for (std::int64_t k = 1; k <= 40; ++k) sizes.push_back(k);
  for (const WeightFormat& format : plain_formats()) {
    for (const std::int64_t k : sizes) {
      for (const std::int64_t m : {1, 3, 6, 14}) expect_agrees_with_scalar(format, m, 5, k);
    }
  }
}

TEST(Linear, AgreesWithScalarForEveryNumberOfRows) {
  std::vector<WeightFormat> formats = small_float_formats();
  formats.insert(formats.end(), {{DType::float16}, {DType::bfloat16, {4, 32}}});
  for (const WeightFormat& format : formats) {
    for (std::int64_t m = 1; m <= 17; ++m) {
      for (std::int64_t n = 1; n <= 13; ++n) expect_agrees_with_scalar(format, m, n, 96);
    }
    expect_agrees_with_scalar(format, 33, 50, 160);
    expect_agrees_with_scalar(format, 130, 97, 64);
  }
}

TEST(Linear, BatchedEqualsAloneAndSplitEqualsWholeBitForBit) {
  std::vector<WeightFormat> formats = plain_formats();
  for (const int bits : {2, 3, 4, 5, 6, 8}) formats.push_back({DType::float16, {bits, 64}});
  for (const WeightFormat& format : small_float_formats()) formats.push_back(format);
  for (const Kernels* kernels : runnable_kernels()) {
    for (const WeightFormat& format : formats) {
      const std::int64_t cols = format.quant.bits != 0 ? 1024 + 192 : 1024 + 77;
      const std::int64_t rows = 61;
      const std::int64_t batch = 19;
      const Matrix w(format, rows, cols, 3);
      const std::vector<float> x = random_floats(static_cast<std::size_t>(batch * cols), 4);
      const std::vector<float> whole = multiply(*kernels, w.view, x);
      const std::int64_t stride = rows + 3;
      for (const std::int64_t m_rows : {1, 2, 3, 4, 7, 14}) {
        for (std::int64_t m = 0; m + m_rows <= batch; m += m_rows) {
          std::vector<float> joined(static_cast<std::size_t>((m_rows + 2) * stride), kGuard);
          for (const auto& [begin, end] : {std::pair{0, 1}, {1, 23}, {23, 60}, {60, 61}}) {
            const std::vector<float> part =
                multiply(*kernels, w.view, x.data() + m * cols, m_rows, begin, end);
            for (std::size_t i = 0; i < part.size(); ++i) {
              if (part[i] != kGuard) joined[i] = part[i];
            }
          }
          const auto from = whole.begin() + (m + 1) * stride;
          const std::vector<float> want(from, from + m_rows * stride);
          const std::vector<float> got(joined.begin() + stride, joined.end() - stride);
          EXPECT_TRUE(same_bits(got, want)) << kernels->name << " " << format.name() << " rows " << m_rows;
        }
      }
    }
  }
}

TEST(Linear, WritesOnlyItsRange) {
  for (const Kernels* kernels : runnable_kernels()) {
    const Matrix w({DType::float16, {4, 32}}, 70, 64, 1);
    const std::vector<float> x = random_floats(15 * 64, 2);
    for (const std::int64_t m : {1, 4, 9, 15}) {
      const std::vector<float> y = multiply(*kernels, w.view, x.data(), m, 5, 64);
      const std::int64_t stride = w.view.rows + 3;
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(y.size()); ++i) {
        const bool inside = i / stride >= 1 && i / stride <= m && i % stride >= 5 && i % stride < 64;
        EXPECT_EQ(y[static_cast<std::size_t>(i)] != kGuard, inside) << kernels->name << " at " << i;
      }
    }
  }
}

TEST(Linear, DoesNotDependOnAlignment) {
  std::vector<WeightFormat> formats = plain_formats();
  for (const int bits : {2, 3, 4, 5, 6, 8}) formats.push_back({DType::float16, {bits, 32}});
  for (const WeightFormat& format : small_float_formats()) formats.push_back(format);
  for (const Kernels* kernels : runnable_kernels()) {
    for (const WeightFormat& format : formats) {
      Matrix w(format, 5, 96, 3);
      const std::vector<float> x = random_floats(14 * 96, 4);
      const std::vector<float> alone = multiply(*kernels, w.view, x.data(), 1, 0, 5);
      const std::vector<float> batch = multiply(*kernels, w.view, x);
      for (std::size_t shift = 1; shift < 64; ++shift) {
        const auto data = moved(w.data, shift);
        const auto scales = moved(w.scales, shift);
        const auto biases = moved(w.biases, shift);
        w.point_to(data.data() + shift, scales.data() + shift, biases.data() + shift);
        EXPECT_TRUE(same_bits(multiply(*kernels, w.view, x.data(), 1, 0, 5), alone))
            << kernels->name << format.name();
        EXPECT_TRUE(same_bits(multiply(*kernels, w.view, x), batch)) << kernels->name << " " << format.name();
      }
    }
  }
}

/// All the operands against inaccessible pages at one end.
void expect_stays_inside(const Kernels& kernels, const WeightFormat& format, std::int64_t m, std::int64_t n,
                         std::int64_t k, Edge edge) {
  Matrix w(format, n, k, 3);
  const std::vector<float> x = random_floats(static_cast<std::size_t>(m * k), 4);
  const std::vector<float> want = multiply(kernels, w.view, x);
  const GuardedMemory data(w.data, edge);
  const GuardedMemory scales(w.scales, edge);
  const GuardedMemory biases(w.biases, edge);
  const GuardedMemory inputs(x, edge);
  const GuardedMemory y(static_cast<std::size_t>(m * n) * sizeof(float), edge);
  const GuardedMemory row(static_cast<std::size_t>(k) * sizeof(float), edge);
  w.point_to(data.data(), scales.data(), biases.data());
  Scratch scratch(kernels.linear_scratch_floats);
  kernels.linear({inputs.floats(), m, w.view, 0, n, y.floats(), n, scratch.data()});
  kernels.decode_row(w.view, n - 1, row.floats());
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      EXPECT_EQ(y.floats()[i * n + j], want[static_cast<std::size_t>((i + 1) * (n + 3) + j)]);
    }
  }
}

TEST(Linear, NeverTouchesAByteOutsideItsOperands) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (const Edge edge : {Edge::begin, Edge::end}) {
      for (const std::int64_t m : {1, 2, 3, 4, 5, 13, 15}) {
        for (const WeightFormat& format : quantized_formats())
          expect_stays_inside(*kernels, format, m, 5, 128, edge);
        for (const WeightFormat& format : small_float_formats()) {
          for (const std::int64_t groups : {1, 3, 17})
            expect_stays_inside(*kernels, format, m, 5, groups * format.quant.group_size, edge);
        }
        for (const WeightFormat& format : plain_formats()) {
          for (const std::int64_t k : {1, 7, 8, 9, 15, 16, 17, 33, 53, 1024 + 53}) {
            expect_stays_inside(*kernels, format, m, 3, k, edge);
          }
        }
      }
    }
  }
}

TEST(DecodeRow, GivesTheSameFloatsEverywhere) {
  std::vector<WeightFormat> formats = quantized_formats();
  for (const WeightFormat& format : plain_formats()) formats.push_back(format);
  for (const WeightFormat& format : formats) {
    const std::int64_t cols = format.quant.bits != 0 ? 1024 + 384 : 1024 + 379;
    const Matrix w(format, 3, cols, 8);
    for (std::int64_t row = 0; row < 3; ++row) {
      std::vector<float> want(static_cast<std::size_t>(cols + 1), kGuard);
      scalar_kernels.decode_row(w.view, row, want.data());
      for (const Kernels* kernels : vector_kernels()) {
        std::vector<float> got(want.size(), kGuard);
        kernels->decode_row(w.view, row, got.data());
        EXPECT_TRUE(same_bits(got, want)) << kernels->name << " " << format.name();
      }
    }
  }
}

TEST(DecodeRow, ReadsPackedBitsLowestFirst) {
  // 32 values of 3 bits: 0, 1, ..., 7 four times, in little-endian bit order.
  const std::byte three[] = {std::byte{0x88}, std::byte{0xc6}, std::byte{0xfa}};
  std::vector<std::byte> data;
  for (int i = 0; i < 4; ++i) data.insert(data.end(), three, three + 3);
  std::vector<std::byte> scales, biases;
  append(scales, -0.5F, DType::bfloat16);
  append(biases, 2, DType::bfloat16);
  const MatrixView w{.rows = 1,
                     .cols = 32,
                     .dtype = DType::uint32,
                     .data = data.data(),
                     .quant = {3, 32},
                     .scale_dtype = DType::bfloat16,
                     .scales = scales.data(),
                     .biases = biases.data()};
  for (const Kernels* kernels : runnable_kernels()) {
    std::vector<float> out(32);
    kernels->decode_row(w, 0, out.data());
    for (std::size_t k = 0; k < 32; ++k)
      EXPECT_EQ(out[k], 2 - 0.5F * static_cast<float>(k % 8)) << kernels->name;
  }
}

/// Every code of a mode under each of the 256 scales.
Matrix every_small_float(const WeightFormat& format) {
  const int bits = format.quant.bits;
  const std::int64_t span = std::max(1 << bits, format.quant.group_size);
  Matrix w(format, 1, 256 * span, 1);
  std::fill(w.data.begin(), w.data.end(), std::byte{0});
  for (std::size_t k = 0; k < static_cast<std::size_t>(w.view.cols); ++k) {
    const std::size_t bit = k * static_cast<std::size_t>(bits);
    w.data[bit / 8] |= static_cast<std::byte>((k & ((1U << bits) - 1)) << bit % 8);
  }
  for (std::size_t g = 0; g < w.scales.size(); ++g)
    w.scales[g] = static_cast<std::byte>(g * 256 / w.scales.size());
  return w;
}

TEST(DecodeRow, ReadsEverySmallFloatUnderEveryScale) {
  for (const WeightFormat& format : small_float_formats()) {
    const Matrix w = every_small_float(format);
    const auto n = static_cast<std::size_t>(w.view.cols);
    std::vector<float> want(n);
    scalar_kernels.decode_row(w.view, 0, want.data());
    for (const Kernels* kernels : vector_kernels()) {
      std::vector<float> got(n);
      kernels->decode_row(w.view, 0, got.data());
      for (std::size_t k = 0; k < n; ++k) {  // the sign of a NaN is left open
        const bool same = std::isnan(want[k]) ? std::isnan(got[k]) : bool(same_bits({got[k]}, {want[k]}));
        ASSERT_TRUE(same) << kernels->name << " " << format.name() << " at " << k << ": " << got[k];
      }
    }
  }
}

TEST(DecodeRow, ReadsSmallFloatsLowestBitsFirst) {
  std::vector<std::byte> data(16, std::byte{0x21});  // 0.5, 1
  const std::byte scale{128};                        // 2
  const MatrixView w{.rows = 1,
                     .cols = 32,
                     .dtype = DType::uint32,
                     .data = data.data(),
                     .quant = usual_spec(QuantMode::mxfp4),
                     .scale_dtype = DType::uint8,
                     .scales = &scale};
  for (const Kernels* kernels : runnable_kernels()) {
    std::vector<float> out(32);
    kernels->decode_row(w, 0, out.data());
    for (std::size_t k = 0; k < 32; ++k) EXPECT_EQ(out[k], k % 2 == 0 ? 1 : 2) << kernels->name;
  }
}

}  // namespace
}  // namespace tramontane::testing
