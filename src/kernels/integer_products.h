#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"

// Products of affine weights with activations as integers. In a group of the weights' group_size elements, an
// activation is scale * v, v an integer, so that
//
//   y[m, n] = sum over groups g of  scale_x scale_w (sum of v q)  +  scale_x bias_w (sum of v),
//
// with exact integer sums. The second term uses the sum of the quantised activations: the bias then cancels
// their common error.
namespace tramontane {

/// How activations become integers, for weights of `quant`.
struct IntegerSpec {
  QuantSpec quant;
  int limbs = 2;  // 2: v = 256 high + low has 16 bits (|v| <= 32512), relative error near 2e-5; 1: v = high
                  // has 8 bits

  bool operator==(const IntegerSpec&) const = default;
  /// Weights of 2 and 4 bits unpack to bytes plane by plane: plane p holds elements p, p + planes, ... (A
  /// table that unpacks to words has planes of its own.)
  int planes() const { return quant.bits == 2 ? 4 : quant.bits == 4 ? 2 : 1; }
};

/// Rows of quantised activations, in memory of the caller's that is 64-byte aligned: what quantize_rows
/// writes and linear, of the same table, reads. In what order is the table's own affair. Trivially copyable.
struct IntegerRows {
  IntegerSpec spec;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int8_t* high = nullptr;  // room for [rows, row_bytes()]
  std::int8_t* low = nullptr;   // the same, after `high`, with two limbs; else null
  float* scales = nullptr;      // room for [rows, padded_groups()]
  float* sums = nullptr;        // the same: scale * sum of v

  std::int64_t groups() const { return cols / spec.quant.group_size; }
  std::int64_t padded_groups() const { return (groups() + 15) / 16 * 16; }
  std::int64_t row_bytes() const { return padded_groups() * spec.quant.group_size; }
  /// The integers whole, [rows, row_bytes()], in the place of both limbs.
  std::int16_t* words() const { return reinterpret_cast<std::int16_t*>(high); }
  /// The memory that all of it takes; `at` splits it. Room for words even with one limb.
  std::size_t total_bytes() const {
    const auto limbs = static_cast<std::size_t>(rows * row_bytes() * 2);
    return limbs + static_cast<std::size_t>(2 * rows * padded_groups()) * sizeof(float);
  }
  void at(std::byte* memory) {
    scales = reinterpret_cast<float*>(memory);
    sums = scales + rows * padded_groups();
    high = reinterpret_cast<std::int8_t*>(sums + rows * padded_groups());
    low = spec.limbs == 2 ? high + rows * row_bytes() : nullptr;
  }
};

/// y[m, n] for all m and for n in [row_begin, row_end). For a given instruction set the bits of y[m, n]
/// depend only on x[m, :] and w[n, :]: groups are added in order, t = fma(sum, scale_x * scale_w, sum_x *
/// bias_w), y = y + t.
struct IntegerLinearArgs {
  IntegerRows x;
  MatrixView w;  // quantised as x.spec.quant says
  std::int64_t row_begin = 0;
  std::int64_t row_end = 0;
  float* y = nullptr;  // [x.rows, y_stride], indexed by absolute n
  std::int64_t y_stride = 0;
  float* scratch = nullptr;  // scratch_floats(x) floats, 64-byte aligned
};

/// As `Kernels`: plain loops, no threads, no allocation, no exceptions. Tested against Kernels::linear of the
/// scalar table, the definition.
struct IntegerProducts {
  /// Rows [begin, end) of x [rows, out.cols]. A group with an infinity or NaN makes every product with its
  /// row NaN; one whose largest magnitude is below 1e-30 counts as zero.
  void (*quantize_rows)(const float* x, std::int64_t begin, std::int64_t end, const IntegerRows& out);
  std::size_t (*scratch_floats)(const IntegerRows& x);
  void (*linear)(const IntegerLinearArgs& args);
  /// Whether 16-bit activations are multiplied whole or as two bytes: which peak they can reach.
  bool words = false;
};

/// Whether the products take this matrix: affine groups, with scales of any float type.
inline bool has_integer_products(const MatrixView& w) {
  return w.quantized() && w.quant.mode == QuantMode::affine;
}

#if defined(__x86_64__)
extern const IntegerProducts avx2_products;        // needs AVX2, FMA, F16C
extern const IntegerProducts avxvnni_products;     // needs AVX-VNNI and the above
extern const IntegerProducts avx512_products;      // needs AVX-512 F, BW, DQ and VL
extern const IntegerProducts avx512vnni_products;  // needs AVX-512 VNNI, F, BW, DQ and VL
extern const IntegerProducts avx512vbmi_products;  // needs AVX-512 VBMI and the above
#elif defined(__aarch64__)
extern const IntegerProducts neondotprod_products;  // needs the dot-product instructions of ARMv8.2-A
#endif

}  // namespace tramontane
