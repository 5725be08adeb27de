#include <cmath>

#include "core/float16.h"
#include "core/small_float.h"
#include "kernels/kernels.h"
#include "kernels/scalar/attention_scalar.h"

// The definition of every operation: plain loops, accumulating in double, reading elements wherever they lie.
namespace tramontane {
namespace {

/// The unsigned integer of element k of a packed row.
unsigned packed_element(const std::byte* row, int bits, std::size_t k) {
  const std::size_t bit = k * static_cast<std::size_t>(bits);
  const std::size_t shift = bit % 8;
  unsigned value = std::to_integer<unsigned>(row[bit / 8]) >> shift;
  if (shift + static_cast<std::size_t>(bits) > 8) {
    value |= std::to_integer<unsigned>(row[bit / 8 + 1]) << (8 - shift);
  }
  return value & ((1U << bits) - 1);
}

float small_float(QuantMode mode, unsigned q) {
  return mode == QuantMode::mxfp8 ? e4m3_to_float(static_cast<std::uint8_t>(q)) : e2m1_to_float(q);
}

/// The scale of a group in a mode other than affine.
float small_scale(const MatrixView& w, std::size_t group) {
  const auto bits = std::to_integer<std::uint8_t>(w.scales[group]);
  return w.quant.mode == QuantMode::nvfp4 ? e4m3_to_float(bits) : e8m0_to_float(bits);
}

/// Element (row, k) as the float32 that every instruction set computes with.
float weight_at(const MatrixView& w, std::size_t row, std::size_t k) {
  if (!w.quantized()) return load_float(w.data, w.dtype, row * static_cast<std::size_t>(w.cols) + k);
  const std::size_t group = row * w.groups_per_row() + k / static_cast<std::size_t>(w.quant.group_size);
  const unsigned q = packed_element(w.data + row * w.row_bytes(), w.quant.bits, k);
  if (w.quant.mode != QuantMode::affine) return small_float(w.quant.mode, q) * small_scale(w, group);
  return std::fma(static_cast<float>(q), load_float(w.scales, w.scale_dtype, group),
                  load_float(w.biases, w.scale_dtype, group));
}

void decode_row(const MatrixView& w, std::int64_t row, float* out) {
  for (std::int64_t k = 0; k < w.cols; ++k) {
    out[k] = weight_at(w, static_cast<std::size_t>(row), static_cast<std::size_t>(k));
  }
}

void linear(const LinearArgs& args) {
  const std::int64_t cols = args.w.cols;
  for (std::int64_t n = args.row_begin; n < args.row_end; ++n) {
    for (std::int64_t m = 0; m < args.m_rows; ++m) {
      double sum = 0;
      for (std::int64_t k = 0; k < cols; ++k) {
        sum += double{args.x[m * cols + k]} *
               double{weight_at(args.w, static_cast<std::size_t>(n), static_cast<std::size_t>(k))};
      }
      args.y[m * args.y_stride + n] = static_cast<float>(sum);
    }
  }
}

void rms_norm(const float* x, const float* weight, float eps, std::int64_t n, float* y) {
  double squares = 0;
  for (std::int64_t i = 0; i < n; ++i) squares += double{x[i]} * double{x[i]};
  const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + double{eps});
  for (std::int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(double{x[i]} * factor * double{weight[i]});
}

void rope(float* x, int n_heads, int head_dim, const float* cos, const float* sin, RopeLayout layout) {
  const int pairs = head_dim / 2;
  const bool interleaved = layout == RopeLayout::interleaved;
  for (int head = 0; head < n_heads; ++head) {
    float* at = x + std::ptrdiff_t{head} * head_dim;
    for (int i = 0; i < pairs; ++i) {
      float& first = interleaved ? at[2 * i] : at[i];
      float& second = interleaved ? at[2 * i + 1] : at[i + pairs];
      const double a = first;
      const double b = second;
      first = static_cast<float>(a * double{cos[i]} - b * double{sin[i]});
      second = static_cast<float>(a * double{sin[i]} + b * double{cos[i]});
    }
  }
}

void silu_mul(const float* gate, const float* up, std::int64_t n, float* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    const double g = gate[i];
    out[i] = static_cast<float>(g / (1 + std::exp(-g)) * double{up[i]});
  }
}

void add(float* x, const float* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) x[i] += y[i];
}

}  // namespace

constinit const Kernels scalar_kernels = {
    .name = "scalar",
    .linear_scratch_floats = 0,
    .linear = linear,
    .decode_row = decode_row,
    .rms_norm = rms_norm,
    .rope = rope,
    .silu_mul = silu_mul,
    .add = add,
    .store = scalar::store,
    .attention_scratch_floats = scalar::attention_scratch_floats,
    .attention = scalar::attention,
    .part_floats = scalar::part_floats,
    .attend_piece = scalar::attend_piece,
    .merge_pieces = scalar::merge_pieces,
};

}  // namespace tramontane
