#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/matrix_view.h"
#include "kernels/simd/blocks.h"
#include "kernels/simd/math.h"
#include "kernels/simd/parts.h"
#include "kernels/simd/row_set.h"
#include "kernels/simd/small_floats.h"
#include "kernels/simd/unpack.h"
#include "kernels/simd/unroll.h"

// How each weight format turns into vectors of float32. A format F decodes `count` rows of a matrix side by
// side over columns [begin, begin + n), handing body(k, w) each vector in order of k: w[r] is row r's weights
// at begin + k, and zero past n. Meanwhile it fetches what lies `ahead` bytes further. For m_rows rows of x,
// direct_cols rows of w are best decoded so.
namespace tramontane {
namespace {

template <DType dtype>
struct PlainFormat {
  template <class V, int m_rows>
  static constexpr int direct_cols = m_rows == 1 ? V::plain_cols : 4;

  template <class V, int count, class Body>
  [[gnu::always_inline]] static void decode(const MatrixView& w, const RowSet<count>& rows,
                                            std::int64_t begin, std::int64_t n, std::size_t ahead,
                                            Body&& body) {
    constexpr std::size_t size = size_of(dtype);
    const std::byte* data[count];
    for (int r = 0; r < count; ++r) {
      data[r] =
          w.data + (rows.row[r] * static_cast<std::size_t>(w.cols) + static_cast<std::size_t>(begin)) * size;
    }
    constexpr int chunks = kRun / V::lanes;
    std::int64_t k = 0;
    for (; k + kRun <= n; k += kRun) {
      const std::size_t run = static_cast<std::size_t>(k) * size;
      unroll<count>([&](auto r) {
        for (std::size_t line = 0; line < kRun * size; line += 64)
          __builtin_prefetch(data[r.value] + run + line + ahead);
      });
      unroll<chunks>([&](auto chunk) {
        constexpr std::size_t at = decltype(chunk)::value * V::lanes;
        V weights[count];
        unroll<count>(
            [&](auto r) { weights[r.value] = V::template load<dtype>(data[r.value] + run + at * size); });
        body(k + static_cast<std::int64_t>(at), weights, Whole<V>{});
      });
    }
    for_each_vector<V>(n - k, [&](std::int64_t i, auto part) {
      V weights[count];
      unroll<count>([&](auto r) {
        weights[r.value] = part.template load<dtype>(data[r.value] + static_cast<std::size_t>(k + i) * size);
      });
      body(k + i, weights, part);
    });
  }
};

/// n floats of any dtype to float32, out having room for whole vectors, which are zero past n.
template <class V, DType dtype>
void widen(const std::byte* in, std::int64_t n, float* out) {
  for_each_vector<V>(n, [&](std::int64_t i, auto part) {
    part.template load<dtype>(in + static_cast<std::size_t>(i) * size_of(dtype)).store(out + i);
  });
}

template <class V>
void widen(const std::byte* in, DType dtype, std::size_t first, std::int64_t n, float* out) {
  in += first * size_of(dtype);
  switch (dtype) {
    case DType::float16:
      return widen<V, DType::float16>(in, n, out);
    case DType::bfloat16:
      return widen<V, DType::bfloat16>(in, n, out);
    default:
      return widen<V, DType::float32>(in, n, out);
  }
}

template <int bits>
struct AffineFormat {
  template <class V, int m_rows>
  static constexpr int direct_cols = 4;

  template <class V, int count, class Body>
  [[gnu::always_inline]] static void decode(const MatrixView& w, const RowSet<count>& rows,
                                            std::int64_t begin, std::int64_t n, std::size_t ahead,
                                            Body&& body) {
    constexpr std::int64_t max_groups = kBlock / kRun;
    constexpr int chunks = kRun / V::lanes;
    const std::int64_t group_size = w.quant.group_size;
    const std::int64_t groups = n / group_size;
    alignas(64) float scales[count][max_groups];
    alignas(64) float biases[count][max_groups];
    const std::byte* data[count];
    for (int r = 0; r < count; ++r) {
      const std::size_t first =
          rows.row[r] * w.groups_per_row() + static_cast<std::size_t>(begin / group_size);
      widen<V>(w.scales, w.scale_dtype, first, groups, scales[r]);
      widen<V>(w.biases, w.scale_dtype, first, groups, biases[r]);
      data[r] = w.data + rows.row[r] * w.row_bytes() + static_cast<std::size_t>(begin) * bits / 8;
    }
    std::int64_t k = 0;
    for (std::int64_t g = 0; g < groups; ++g) {
      using Group = typename V::template Group<bits>;
      Group group[count];
      unroll<count>([&](auto r) { group[r.value] = Group(scales[r.value][g], biases[r.value][g]); });
      for (const std::int64_t end = k + group_size; k < end; k += kRun) {
        const std::size_t run = static_cast<std::size_t>(k) * bits / 8;
        unroll<count>([&](auto r) { __builtin_prefetch(data[r.value] + run + ahead); });
        unroll<chunks>([&](auto chunk) {
          V weights[count];
          unroll<count>([&](auto r) {
            weights[r.value] = group[r.value](V::template unpack<bits, chunk.value>(data[r.value] + run));
          });
          body(k + chunk.value * V::lanes, weights, Whole<V>{});
        });
      }
    }
  }
};

/// body(F{}) with the format of w.
template <class Body>
void with_format(const MatrixView& w, Body&& body) {
  switch (w.quant.mode) {
    case QuantMode::mxfp4:
      return body(SmallFloatFormat<QuantMode::mxfp4>{});
    case QuantMode::mxfp8:
      return body(SmallFloatFormat<QuantMode::mxfp8>{});
    case QuantMode::nvfp4:
      return body(SmallFloatFormat<QuantMode::nvfp4>{});
    case QuantMode::affine:
      break;
  }
  switch (w.quant.bits) {
    case 2:
      return body(AffineFormat<2>{});
    case 3:
      return body(AffineFormat<3>{});
    case 4:
      return body(AffineFormat<4>{});
    case 5:
      return body(AffineFormat<5>{});
    case 6:
      return body(AffineFormat<6>{});
    case 8:
      return body(AffineFormat<8>{});
    default:
      break;
  }
  switch (w.dtype) {
    case DType::float16:
      return body(PlainFormat<DType::float16>{});
    case DType::bfloat16:
      return body(PlainFormat<DType::bfloat16>{});
    default:
      return body(PlainFormat<DType::float32>{});
  }
}

template <class V>
void decode_row(const MatrixView& w, std::int64_t row, float* out) {
  with_format(w, [&](auto format) {
    for (std::int64_t begin = 0; begin < w.cols; begin += kBlock) {
      const std::int64_t n = w.cols - begin < kBlock ? w.cols - begin : kBlock;
      format.template decode<V>(
          w, RowSet<1>(row, row + 1), begin, n, 0,
          [&](std::int64_t k, const V* weights, auto part) { part.store(weights[0], out + begin + k); });
    }
  });
}

}  // namespace
}  // namespace tramontane
