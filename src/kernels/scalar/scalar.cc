#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "core/float16.h"
#include "kernels/kernels.h"

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

/// Element (row, k) as the float32 that every instruction set computes with.
float weight_at(const MatrixView& w, std::size_t row, std::size_t k) {
  if (!w.quantized()) return load_float(w.data, w.dtype, row * static_cast<std::size_t>(w.cols) + k);
  const std::size_t group = row * w.groups_per_row() + k / static_cast<std::size_t>(w.quant.group_size);
  const auto q = static_cast<float>(packed_element(w.data + row * w.row_bytes(), w.quant.bits, k));
  return std::fma(q, load_float(w.scales, w.scale_dtype, group), load_float(w.biases, w.scale_dtype, group));
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

void store(const float* x, std::int64_t n, DType dtype, std::byte* out) {
  for (std::int64_t i = 0; i < n; ++i) {
    if (dtype == DType::float32) {
      std::memcpy(out + i * 4, x + i, 4);
    } else {
      const std::uint16_t bits = float_to_float16(x[i]);
      std::memcpy(out + i * 2, &bits, 2);
    }
  }
}

/// The head_dim elements of one token's key or value start at `index` of the returned block.
struct CacheRow {
  const std::byte* block;
  std::size_t index;
};

CacheRow cache_row(const KvView& kv, std::size_t offset, int kv_head, std::int64_t position) {
  const std::byte* block = kv.blocks[static_cast<std::size_t>(position / kv.block_tokens)] + offset;
  const std::int64_t row = kv_head * kv.block_tokens + position % kv.block_tokens;
  return {block, static_cast<std::size_t>(row * kv.head_dim)};
}

double dot(const float* q, const CacheRow& row, const KvView& kv) {
  double sum = 0;
  for (std::size_t d = 0; d < static_cast<std::size_t>(kv.head_dim); ++d) {
    sum += double{q[d]} * double{load_float(row.block, kv.dtype, row.index + d)};
  }
  return sum;
}

/// Attention of one query head at `position`; `sums` has room for head_dim values.
void attend(const AttentionArgs& args, const float* q, std::int64_t position, double* sums, float* out) {
  const KvView& kv = args.kv;
  const auto head_dim = static_cast<std::size_t>(kv.head_dim);
  const std::int64_t begin = args.window > 0 ? std::max<std::int64_t>(0, position - args.window + 1) : 0;
  double top = -std::numeric_limits<double>::infinity();
  for (std::int64_t t = begin; t <= position; ++t) {
    top = std::max(top, double{args.scale} * dot(q, cache_row(kv, kv.key_offset, args.kv_head, t), kv));
  }
  double total = 0;
  std::fill_n(sums, head_dim, 0.0);
  for (std::int64_t t = begin; t <= position; ++t) {
    const double score = double{args.scale} * dot(q, cache_row(kv, kv.key_offset, args.kv_head, t), kv);
    const double weight = std::exp(score - top);
    const CacheRow value = cache_row(kv, kv.value_offset, args.kv_head, t);
    total += weight;
    for (std::size_t d = 0; d < head_dim; ++d) {
      sums[d] += weight * double{load_float(value.block, kv.dtype, value.index + d)};
    }
  }
  for (std::size_t d = 0; d < head_dim; ++d) out[d] = static_cast<float>(sums[d] / total);
}

std::size_t attention_scratch_floats(std::int64_t /*block_tokens*/, int head_dim) {
  return static_cast<std::size_t>(head_dim) * sizeof(double) / sizeof(float);
}

void attention(const AttentionArgs& args) {
  const int head_dim = args.kv.head_dim;
  const int group = args.n_heads / args.kv.n_kv_heads;
  auto* sums = new (args.scratch) double[static_cast<std::size_t>(head_dim)];
  for (std::int64_t row = 0; row < args.rows; ++row) {
    for (int i = 0; i < group; ++i) {
      const std::ptrdiff_t head = std::ptrdiff_t{args.kv_head} * group + i;
      attend(args, args.q + row * args.q_stride + head * head_dim, args.first_position + row, sums,
             args.out + row * args.out_stride + head * head_dim);
    }
  }
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
    .store = store,
    .attention_scratch_floats = attention_scratch_floats,
    .attention = attention,
};

}  // namespace tramontane
