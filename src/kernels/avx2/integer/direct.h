#pragma once
#include "kernels/avx2/integer/packed.h"
#include "kernels/avx2/vec.h"
#include "kernels/integer/specialise.h"
#include "kernels/simd/row_set.h"

// Few rows of x, as words: a row of w is read once from end to end, as memory likes it, and leaves the exact
// sum of each group in the scratch. 8 groups are a step. The sums of 8 rows of w then become terms,
// fma(sum, scale_x * scale_w, sum_x * bias_w), and are added up side by side.
namespace tramontane {
namespace {

constexpr int kStepGroups = 8;
constexpr int kDirectRows = 2;         // of x at a time
constexpr std::int64_t kSumRows = 8;   // of w
constexpr std::int64_t kAhead = 4096;  // bytes, far enough to hide memory

/// 8 scales or biases; zero past the first `left`.
template <DType dtype>
__m256 load_scales(const std::byte* at, std::int64_t left) {
  return left >= 8 ? Avx2::load<dtype>(at).v : Avx2::load<dtype>(at, left).v;
}

/// One register for each row of x.
template <int m_rows>
struct Sums {
  __m256i of[m_rows];
};

/// The four lanes of each half of a register added up, for the 4 registers from `first` on that body(Index)
/// gives: lane i of a half is register i's. Of a body's registers only two live at a time.
template <int m_rows, int first, class Body>
[[gnu::always_inline]] inline Sums<m_rows> sum_fours(Body&& body) {
  const auto pairs = [](__m256i a, __m256i b) __attribute__((always_inline)) {
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
  };
  Sums<m_rows> sums;
  const auto a = body(Index<first>{});
  const auto b = body(Index<first + 1>{});
  unroll<m_rows>(
      [&](auto m) __attribute__((always_inline)) { sums.of[m.value] = pairs(a.of[m.value], b.of[m.value]); });
  const auto c = body(Index<first + 2>{});
  const auto d = body(Index<first + 3>{});
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const __m256i ab = sums.of[m.value];
    const __m256i cd = pairs(c.of[m.value], d.of[m.value]);
    sums.of[m.value] = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
  });
  return sums;
}

/// 8 sums in order of the groups, from `count` registers of partial sums: register i holds groups i * 8 /
/// count and on, each in as many neighbouring lanes.
template <int m_rows, int count, class Body>
[[gnu::always_inline]] inline Sums<m_rows> sum_groups(Body&& body) {
  Sums<m_rows> sums;
  if constexpr (count == 8) {
    const auto a = sum_fours<m_rows, 0>(body);
    const auto b = sum_fours<m_rows, 4>(body);
    unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
      sums.of[m.value] = _mm256_add_epi32(_mm256_permute2x128_si256(a.of[m.value], b.of[m.value], 0x20),
                                          _mm256_permute2x128_si256(a.of[m.value], b.of[m.value], 0x31));
    });
  } else if constexpr (count == 4) {
    const auto halves = sum_fours<m_rows, 0>(body);
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
      sums.of[m.value] = _mm256_permutevar8x32_epi32(halves.of[m.value], order);
    });
  } else {
    const auto a = body(Index<0>{});
    const auto b = body(Index<1>{});
    const __m256i order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
    unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
      const __m256i pairs = _mm256_hadd_epi32(a.of[m.value], b.of[m.value]);
      sums.of[m.value] = _mm256_permutevar8x32_epi32(pairs, order);
    });
  }
  return sums;
}

template <int bits, int group_size>
struct StepShape {
  using Format = Packed<bits>;
  static constexpr int groups_each = group_size < Format::weights ? Format::weights / group_size : 1;
  static constexpr int sums = kStepGroups / groups_each;                      // registers
  static constexpr int per_sum = groups_each * group_size / Format::weights;  // packed registers
  static constexpr int bytes = sums * per_sum * Format::bytes;
  static constexpr int reads = bytes - Format::bytes + Format::reads;
};

/// Sums of the 8 groups whose weights are at `weights`: with row m of x, whose elements are x_stride words
/// apart, at sums + m * sums_stride.
template <class Dots, int bits, int group_size, int m_rows>
[[gnu::always_inline]] inline void step_sums(const std::int16_t* x, std::int64_t x_stride,
                                             const std::byte* weights, std::int32_t* sums,
                                             std::int64_t sums_stride) {
  using Shape = StepShape<bits, group_size>;
  using Format = Packed<bits>;
  constexpr int planes = Format::word_planes;
  const Sums<m_rows> eight = sum_groups<m_rows, Shape::sums>([&](auto s) __attribute__((always_inline)) {
    Sums<m_rows> partial;
    unroll<m_rows>([&](auto m)
                       __attribute__((always_inline)) { partial.of[m.value] = _mm256_setzero_si256(); });
    unroll<Shape::per_sum>([&](auto part) __attribute__((always_inline)) {
      constexpr int at = decltype(s)::value * Shape::per_sum + decltype(part)::value;
      const __m256i packed = Format::load(weights + at * Format::bytes);
      unroll<planes>([&](auto plane) __attribute__((always_inline)) {
        const __m256i w = Format::template word_plane<plane.value>(packed);
        unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
          constexpr int from = 16 * (at * planes + decltype(plane)::value);
          const auto* words = reinterpret_cast<const __m256i*>(x + m.value * x_stride + from);
          partial.of[m.value] = Dots::words(partial.of[m.value], w, _mm256_load_si256(words));
        });
      });
    });
    return partial;
  });
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(sums + m.value * sums_stride), eight.of[m.value]);
  });
}

/// A row of w and some of x.
struct RowArgs {
  const std::byte* weights;
  const std::byte* weights_end;  // of the matrix
  std::int64_t groups;
  const std::int16_t* x;  // [m_rows, x_stride]
  std::int64_t x_stride;
  std::int32_t* sums;  // [m_rows, sums_stride]
  std::int64_t sums_stride;
};

/// The sums of all groups, and some more that mean nothing. `tail` has room for a step's weights; they are
/// copied there where reading them in place would leave the matrix.
template <class Dots, int bits, int group_size, int m_rows>
[[gnu::noinline]] void row_sums(const RowArgs& row, std::byte* tail) {
  using Shape = StepShape<bits, group_size>;
  const std::byte* weights = row.weights;
  const std::int16_t* x = row.x;
  std::int32_t* sums = row.sums;
  const std::int64_t x_stride = row.x_stride;
  const std::int64_t sums_stride = row.sums_stride;
  std::int64_t left = row.groups;
  for (; left > 0 && row.weights_end - weights >= Shape::reads; left -= kStepGroups) {
    // The row's end is followed by the next row, which is wanted too.
    for (int line = 0; line < Shape::bytes; line += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(weights) + line + kAhead, _MM_HINT_T0);
    }
    step_sums<Dots, bits, group_size, m_rows>(x, x_stride, weights, sums, sums_stride);
    weights += Shape::bytes;
    x += kStepGroups * group_size;
    sums += kStepGroups;
  }
  if (left > 0) {
    __builtin_memcpy(tail, weights, static_cast<std::size_t>(row.weights_end - weights));
    step_sums<Dots, bits, group_size, m_rows>(x, x_stride, tail, sums, sums_stride);
  }
}

/// Row m of x and the rows n, n + 1, ... n + count - 1 of w, at most 8, whose groups' sums are there.
struct TermArgs {
  const IntegerLinearArgs* args;
  std::int64_t m;
  std::int64_t n;
  std::int64_t count;
  const std::int32_t* sums;  // [8, sums_stride]
  std::int64_t sums_stride;
};

/// y[n + i] = the sum of row i's terms in order.
template <DType dtype>
void add_terms(const TermArgs& rows) {
  const IntegerRows& x = rows.args->x;
  const MatrixView& w = rows.args->w;
  const std::int64_t groups = x.groups();
  const float* scales_x = x.scales + rows.m * x.padded_groups();
  const float* sums_x = x.sums + rows.m * x.padded_groups();
  constexpr auto size = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t first = size * rows.n * groups;
  __m256 y = _mm256_setzero_ps();
  for (std::int64_t g = 0; g < groups; g += kStepGroups) {
    const __m256 scale_x = _mm256_load_ps(scales_x + g);
    const __m256 sum_x = _mm256_load_ps(sums_x + g);
    __m256i terms[kSumRows];
    unroll<kSumRows>([&](auto i) __attribute__((always_inline)) {
      // Past the last row the last one again.
      const std::int64_t row = least(i.value, rows.count - 1);
      const std::int64_t at = first + size * (row * groups + g);
      const auto* sums = reinterpret_cast<const __m256i*>(rows.sums + row * rows.sums_stride + g);
      const __m256 scale_w = load_scales<dtype>(w.scales + at, groups - g);
      const __m256 bias_w = load_scales<dtype>(w.biases + at, groups - g);
      const __m256 term = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_load_si256(sums)),
                                          _mm256_mul_ps(scale_x, scale_w), _mm256_mul_ps(sum_x, bias_w));
      terms[i.value] = _mm256_castps_si256(term);
    });
    transpose(terms);
    for (std::int64_t i = 0; i < least(kStepGroups, groups - g); ++i) {
      y = _mm256_add_ps(y, _mm256_castsi256_ps(terms[i]));
    }
  }
  Avx2{y}.store(rows.args->y + rows.m * rows.args->y_stride + rows.n, rows.count);
}

/// Between two rows' sums: not a multiple of a page, or they would all lie in the same few places of the
/// first-level cache.
inline std::int64_t sums_stride(const IntegerRows& x) { return x.padded_groups() + 16; }

/// Fetches the scales and biases of a row, which are read in short pieces far apart.
inline void prefetch_scales(const MatrixView& w, std::size_t row) {
  const std::size_t bytes = size_of(w.scale_dtype) * w.groups_per_row();
  for (std::size_t at = row * bytes; at < (row + 1) * bytes; at += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(w.scales) + at, _MM_HINT_T0);
    _mm_prefetch(reinterpret_cast<const char*>(w.biases) + at, _MM_HINT_T0);
  }
}

template <class Dots, int bits, int group_size, int m_rows>
void direct_tile(const IntegerLinearArgs& args, std::int64_t first_x, std::int64_t n, std::byte* tail) {
  const std::int64_t count = least(kSumRows, args.row_end - n);
  const std::int64_t stride = sums_stride(args.x);
  const std::int64_t x_stride = args.x.row_bytes();
  auto* sums = reinterpret_cast<std::int32_t*>(args.scratch);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = static_cast<std::size_t>(n + i);
    prefetch_scales(args.w, row + kSumRows);
    row_sums<Dots, bits, group_size, m_rows>(
        {.weights = args.w.data + row * args.w.row_bytes(),
         .weights_end = args.w.data + static_cast<std::size_t>(args.w.rows) * args.w.row_bytes(),
         .groups = args.x.groups(),
         .x = args.x.words() + first_x * x_stride,
         .x_stride = x_stride,
         .sums = sums + i * stride,
         .sums_stride = kSumRows * stride},
        tail);
  }
  for (int m = 0; m < m_rows; ++m) {
    const TermArgs rows{.args = &args,
                        .m = first_x + m,
                        .n = n,
                        .count = count,
                        .sums = sums + m * kSumRows * stride,
                        .sums_stride = stride};
    with_scales(args.w, [&]<DType dtype>(DTypeIndex<dtype>) { add_terms<dtype>(rows); });
  }
}

template <class Dots, int bits, int group_size>
void linear_direct(const IntegerLinearArgs& args) {
  static_assert(kDirectRows == 2);
  alignas(64) std::byte tail[StepShape<bits, group_size>::reads] = {};
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kSumRows) {
    std::int64_t m = 0;
    for (; m + 2 <= args.x.rows; m += 2) direct_tile<Dots, bits, group_size, 2>(args, m, n, tail);
    if (m < args.x.rows) direct_tile<Dots, bits, group_size, 1>(args, m, n, tail);
  }
}

inline std::size_t direct_scratch_floats(const IntegerRows& x) {
  return static_cast<std::size_t>(kDirectRows * kSumRows * sums_stride(x));
}

}  // namespace
}  // namespace tramontane
