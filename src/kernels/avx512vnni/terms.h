#pragma once
#include <immintrin.h>

#include "kernels/avx512vnni/tiles.h"
#include "kernels/avx512vnni/unpack.h"
#include "kernels/simd/row_set.h"
#include "kernels/simd/unroll.h"

// Few rows of x: a row of w, or a long piece of it, is read once from end to end, as memory likes it, and
// leaves one exact sum per group in a lane. 16 groups are a step; what a step adds to y are its terms,
// fma(sum, scale_x * scale_w, sum_x * bias_w).
namespace tramontane {
namespace {

constexpr int kStepGroups = 16;

/// 16 sums in order of the groups, from `count` registers of partial sums: register i holds groups i * 16 /
/// count and on, each in as many neighbouring lanes.
template <int count>
[[gnu::always_inline]] inline __m512i sum_groups(const __m512i (&c)[count]) {
  if constexpr (count == 2) {  // 2 lanes each
    const __m512 a = _mm512_castsi512_ps(c[0]);
    const __m512 b = _mm512_castsi512_ps(c[1]);
    const __m512i sums = _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88)),
                                          _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd)));
    const __m512i order = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    return _mm512_permutexvar_epi32(order, sums);
  } else {
    __m512i pairs[count / 2];
    unroll<count / 2>([&](auto i) __attribute__((always_inline)) {
      const __m512i a = c[2 * i.value];
      const __m512i b = c[2 * i.value + 1];
      pairs[i.value] = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    });
    __m512i fours[count / 4];
    unroll<count / 4>([&](auto i) __attribute__((always_inline)) {
      const __m512i a = pairs[2 * i.value];
      const __m512i b = pairs[2 * i.value + 1];
      fours[i.value] = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    });
    // Lane 4 L + i of fours[j] now sums the four lanes of quarter L of c[4 j + i].
    const auto join = [](__m512i a, __m512i b) __attribute__((always_inline)) {
      return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
    };
    if constexpr (count == 4) {
      const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      return _mm512_permutexvar_epi32(order, fours[0]);
    } else if constexpr (count == 8) {
      const __m512i order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
      return _mm512_permutexvar_epi32(order, join(fours[0], fours[1]));
    } else {
      return join(join(fours[0], fours[1]), join(fours[2], fours[3]));
    }
  }
}

/// 16 scales or biases; zero past the first `left`.
inline __m512 load_scales(const std::byte* at, DType dtype, std::int64_t left) {
  if (dtype == DType::float32) {
    const __mmask16 exist = left >= 16 ? 0xffff : static_cast<__mmask16>((1U << left) - 1);
    return _mm512_maskz_loadu_ps(exist, at);
  }
  const __m256i bits = left >= 16 ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))
                                  : _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1U << left) - 1), at);
  if (dtype == DType::float16) return _mm512_cvtph_ps(bits);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

/// Groups of a row of w: where the weights, scales and biases of the first lie.
struct RowPiece {
  const std::byte* weights;
  const std::byte* scales;
  const std::byte* biases;
};

/// What is fetched while a piece is multiplied: for its groups before `turn` the same groups of `near`, for
/// the others those of `far`.
struct Ahead {
  RowPiece near;
  RowPiece far;
  std::int64_t turn;

  const RowPiece& of(std::int64_t group) const { return group < turn ? near : far; }
};

/// The rows of x against a piece of one row of w.
struct RowArgs {
  const IntegerRows* x;
  std::int64_t first_group;  // of the piece
  std::int64_t groups;
  DType scale_dtype;
  std::int64_t scale_bytes;  // of one
  RowPiece w;
  Ahead ahead;
  float* terms;  // [m_rows, terms_stride]
  std::int64_t terms_stride;
};

/// As read once: weights then push less of the activations out of the first-level cache.
inline void prefetch(const std::byte* at) { _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_NTA); }

template <int bits, int group_size>
struct StepShape {
  using Format = Packed<bits>;
  static constexpr int registers = kStepGroups * group_size / Format::weights;  // of packed weights in a step
  static constexpr int sums = registers < kStepGroups ? registers : kStepGroups;
  static constexpr int per_sum = registers / sums;  // registers of one group
  static constexpr int bytes = registers * Format::bytes;
};

/// Terms of the groups from `group` of the piece on, whose weights are at `weights`; `whole`: all 16 exist.
template <int bits, int group_size, int limbs, int m_rows, bool whole>
[[gnu::always_inline]] inline void step_terms(const RowArgs& args, std::int64_t group,
                                              const std::byte* weights) {
  using Shape = StepShape<bits, group_size>;
  using Format = Packed<bits>;
  const IntegerRows& x = *args.x;
  const std::int8_t* high_x[m_rows];
  const std::int8_t* low_x[m_rows];
  for (int m = 0; m < m_rows; ++m) {
    const std::int64_t at = m * x.row_bytes() + (args.first_group + group) * group_size;
    high_x[m] = x.high + at;
    if constexpr (limbs == 2) low_x[m] = x.low + at;
  }
  const std::int64_t groups_left = args.groups - group;
  const RowPiece& ahead = args.ahead.of(group);
  const std::byte* weights_ahead = ahead.weights + group * (group_size * bits / 8);
  const std::int64_t used = (groups_left * Shape::sums + kStepGroups - 1) / kStepGroups;
  __m512i sums[m_rows][Shape::sums];
  unroll<Shape::sums>([&](auto s) __attribute__((always_inline)) {
    __m512i high[m_rows];
    __m512i low[m_rows];
    unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
      high[m.value] = low[m.value] = _mm512_setzero_si512();
    });
    if (!whole && s.value >= used) {
      unroll<m_rows>([&](auto m) __attribute__((always_inline)) { sums[m.value][s.value] = high[m.value]; });
      return;
    }
    unroll<Shape::per_sum>([&](auto part) __attribute__((always_inline)) {
      constexpr int at = decltype(s)::value * Shape::per_sum + decltype(part)::value;
      prefetch(weights_ahead + at * Format::bytes);
      const __m512i packed = Format::load(weights + at * Format::bytes);
      unroll<Format::planes>([&](auto plane) __attribute__((always_inline)) {
        const __m512i w = Format::template plane_of<plane.value>(packed);
        unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
          constexpr int from = at * Format::weights + 64 * decltype(plane)::value;
          high[m.value] = _mm512_dpbusd_epi32(high[m.value], w, _mm512_load_si512(high_x[m.value] + from));
          if constexpr (limbs == 2)
            low[m.value] = _mm512_dpbusd_epi32(low[m.value], w, _mm512_load_si512(low_x[m.value] + from));
        });
      });
    });
    unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
      sums[m.value][s.value] =
          limbs == 2 ? _mm512_add_epi32(_mm512_slli_epi32(high[m.value], 8), low[m.value]) : high[m.value];
    });
  });
  const std::int64_t scale = args.scale_bytes * group;
  prefetch(ahead.scales + scale);
  prefetch(ahead.biases + scale);
  const __m512 scale_w = load_scales(args.w.scales + scale, args.scale_dtype, groups_left);
  const __m512 bias_w = load_scales(args.w.biases + scale, args.scale_dtype, groups_left);
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const std::int64_t at = m.value * x.padded_groups() + args.first_group + group;
    const __m512 sum = _mm512_cvtepi32_ps(sum_groups(sums[m.value]));
    const __m512 term = _mm512_fmadd_ps(sum, _mm512_mul_ps(_mm512_load_ps(x.scales + at), scale_w),
                                        _mm512_mul_ps(_mm512_load_ps(x.sums + at), bias_w));
    _mm512_store_ps(args.terms + m.value * args.terms_stride + group, term);
  });
}

/// terms[m, g] for the piece's groups; zero past the last one. `tail` holds a step's worth of bytes, zero
/// where no row's last groups were copied to.
template <int bits, int group_size, int limbs, int m_rows>
void row_terms(const RowArgs& args, std::byte* tail) {
  constexpr int group_bytes = group_size * bits / 8;
  std::int64_t g = 0;
  for (; g + kStepGroups <= args.groups; g += kStepGroups) {
    step_terms<bits, group_size, limbs, m_rows, true>(args, g, args.w.weights + g * group_bytes);
  }
  if (g < args.groups) {
    __builtin_memcpy(tail, args.w.weights + g * group_bytes,
                     static_cast<std::size_t>((args.groups - g) * group_bytes));
    step_terms<bits, group_size, limbs, m_rows, false>(args, g, tail);
  }
}

}  // namespace
}  // namespace tramontane
