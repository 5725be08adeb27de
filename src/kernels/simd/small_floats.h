#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/matrix_view.h"
#include "kernels/simd/blocks.h"
#include "kernels/simd/parts.h"
#include "kernels/simd/row_set.h"
#include "kernels/simd/unroll.h"

// Formats, as formats.h has them, of the modes other than affine: a weight is one exact product of a small
// float and its group's scale.
namespace tramontane {
namespace {

template <QuantMode mode, class V>
V decode_scales(const std::byte* in) {
  if constexpr (mode == QuantMode::nvfp4) return V::e4m3(in);
  return V::e8m0(in);
}

/// n scales to float32, out having room for whole vectors.
template <QuantMode mode, class V>
void decode_scales(const std::byte* in, std::int64_t n, float* out) {
  std::int64_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) decode_scales<mode, V>(in + i).store(out + i);
  if (i == n) return;
  std::byte some[V::lanes] = {};
  std::memcpy(some, in + i, static_cast<std::size_t>(n - i));
  decode_scales<mode, V>(some).store(out + i);
}

/// The elements of a group under its scale. One of 8 bits is decoded by itself, one of 4 by a table.
template <QuantMode mode, class V>
struct SmallFloats {
  typename V::E2m1 table;
  SmallFloats() = default;
  explicit SmallFloats(float scale) : table(scale) {}
  template <int chunk>
  V at(const std::byte* group) const {
    return table(V::template unpack<4, chunk>(group));
  }
};

template <class V>
struct SmallFloats<QuantMode::mxfp8, V> {
  V scale;
  SmallFloats() = default;
  explicit SmallFloats(float s) : scale(V::set(s)) {}
  template <int chunk>
  V at(const std::byte* group) const {
    return V::e4m3(group + chunk * V::lanes) * scale;
  }
};

template <QuantMode mode>
struct SmallFloatFormat {
  template <class V, int m_rows>
  static constexpr int direct_cols = 4;

  template <class V, int count, class Body>
  [[gnu::always_inline]] static void decode(const MatrixView& w, const RowSet<count>& rows,
                                            std::int64_t begin, std::int64_t n, std::size_t ahead,
                                            Body&& body) {
    constexpr std::int64_t group_size = usual_spec(mode).group_size;
    constexpr std::int64_t group_bytes = group_size * usual_spec(mode).bits / 8;
    constexpr int chunks = static_cast<int>(group_size) / V::lanes;
    const std::int64_t groups = n / group_size;
    alignas(64) float scales[count][kBlock / group_size];
    const std::byte* data[count];
    for (int r = 0; r < count; ++r) {
      const std::size_t first =
          rows.row[r] * w.groups_per_row() + static_cast<std::size_t>(begin / group_size);
      decode_scales<mode, V>(w.scales + first, groups, scales[r]);
      data[r] = w.data + static_cast<std::size_t>(first) * group_bytes;
    }
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t at = g * group_bytes;
      SmallFloats<mode, V> group[count];
      unroll<count>([&](auto r) {
        group[r.value] = SmallFloats<mode, V>(scales[r.value][g]);
        __builtin_prefetch(data[r.value] + static_cast<std::size_t>(at) + ahead);
      });
      unroll<chunks>([&](auto chunk) {
        V weights[count];
        unroll<count>(
            [&](auto r) { weights[r.value] = group[r.value].template at<chunk.value>(data[r.value] + at); });
        body(g * group_size + chunk.value * V::lanes, weights, Whole<V>{});
      });
    }
  }
};

}  // namespace
}  // namespace tramontane
