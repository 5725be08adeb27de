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
/// count and on, each in as many neighbouring lanes. Registers are added up as soon as they can be.
template <int count>
class GroupSums {
 public:
  /// Register i; in order.
  template <int i>
  [[gnu::always_inline]] void take(__m512i c) {
    if constexpr (i % 2 == 0) {
      one_ = c;
    } else if constexpr (count == 2) {  // 2 lanes each
      const __m512 a = _mm512_castsi512_ps(one_);
      const __m512 b = _mm512_castsi512_ps(c);
      fours_[0] = _mm512_add_epi32(_mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88)),
                                   _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd)));
    } else {
      const __m512i pair = _mm512_add_epi32(_mm512_unpacklo_epi32(one_, c), _mm512_unpackhi_epi32(one_, c));
      if constexpr (i % 4 == 1) {
        pair_ = pair;
      } else {
        // Lane 4 L + j of fours_[i / 4] sums the four lanes of quarter L of register i / 4 * 4 + j.
        fours_[i / 4] =
            _mm512_add_epi32(_mm512_unpacklo_epi64(pair_, pair), _mm512_unpackhi_epi64(pair_, pair));
      }
    }
  }

  [[gnu::always_inline]] __m512i all() const {
    if constexpr (count == 2) {
      const __m512i order = _mm512_setr_epi32(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
      return _mm512_permutexvar_epi32(order, fours_[0]);
    } else if constexpr (count == 4) {
      const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      return _mm512_permutexvar_epi32(order, fours_[0]);
    } else if constexpr (count == 8) {
      const __m512i order = _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
      return _mm512_permutexvar_epi32(order, join(fours_[0], fours_[1]));
    } else {
      return join(join(fours_[0], fours_[1]), join(fours_[2], fours_[3]));
    }
  }

 private:
  [[gnu::always_inline]] static __m512i join(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
  }

  __m512i one_;
  __m512i pair_;
  __m512i fours_[count > 4 ? count / 4 : 1];
};

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

/// The same groups of the rows of x: what lies where in the first, and how far apart rows are.
struct XPiece {
  const std::int8_t* high;
  const std::int8_t* low;  // or null
  std::int64_t row_bytes;
  const float* scales;
  const float* sums;
  std::int64_t padded_groups;

  XPiece(const IntegerRows& x, std::int64_t first_group)
      : high(x.high + first_group * x.spec.quant.group_size),
        low(x.spec.limbs == 2 ? x.low + first_group * x.spec.quant.group_size : nullptr),
        row_bytes(x.row_bytes()),
        scales(x.scales + first_group),
        sums(x.sums + first_group),
        padded_groups(x.padded_groups()) {}
};

/// The rows of x against a piece of one row of w.
struct RowArgs {
  XPiece x;
  std::int64_t groups;
  DType scale_dtype;
  std::int64_t scale_bytes;  // of one
  RowPiece w;
  RowPiece ahead;  // what is fetched meanwhile
  float* terms;    // [m_rows, terms_stride]
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
  const XPiece& x = args.x;
  const std::int64_t groups_left = whole ? kStepGroups : args.groups - group;
  const std::int64_t scale = args.scale_bytes * group;
  // Before the products: load_scales branches on the type, and compilers do not move it there.
  const __m512 scale_w = load_scales(args.w.scales + scale, args.scale_dtype, groups_left);
  const __m512 bias_w = load_scales(args.w.biases + scale, args.scale_dtype, groups_left);
  prefetch(args.ahead.scales + scale);
  prefetch(args.ahead.biases + scale);
  const std::byte* weights_ahead = args.ahead.weights + group * (group_size * bits / 8);
  const std::int64_t used = (groups_left * Shape::sums + kStepGroups - 1) / kStepGroups;
  GroupSums<Shape::sums> sums[m_rows];
  unroll<Shape::sums>([&](auto s) __attribute__((always_inline)) {
    constexpr int blocks = Shape::per_sum * Format::planes;  // of 64 weights
    __m512i sum[m_rows];
    unroll<m_rows>([&](auto m) __attribute__((always_inline)) { sum[m.value] = _mm512_setzero_si512(); });
    if (whole || s.value < used) {
      __m512i w[blocks];
      unroll<Shape::per_sum>([&](auto part) __attribute__((always_inline)) {
        constexpr int at = (decltype(s)::value * Shape::per_sum + decltype(part)::value) * Format::bytes;
        if constexpr (at % 64 < Format::bytes) prefetch(weights_ahead + at);  // once per line
        const __m512i packed = Format::load(weights + at);
        unroll<Format::planes>([&](auto plane) __attribute__((always_inline)) {
          w[part.value * Format::planes + plane.value] = Format::template plane_of<plane.value>(packed);
        });
      });
      // All high limbs, then all low ones, so that one register holds both sums.
      unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
        unroll<limbs>([&](auto limb) __attribute__((always_inline)) {
          const std::int8_t* q =
              (limb.value == 0 ? x.high : x.low) + m.value * x.row_bytes + group * group_size;
          if constexpr (limb.value == 1) sum[m.value] = _mm512_slli_epi32(sum[m.value], 8);
          unroll<blocks>([&](auto block) __attribute__((always_inline)) {
            constexpr int from = 64 * (decltype(s)::value * blocks + decltype(block)::value);
            sum[m.value] = _mm512_dpbusd_epi32(sum[m.value], w[block.value], _mm512_load_si512(q + from));
          });
        });
      });
    }
    unroll<m_rows>(
        [&](auto m) __attribute__((always_inline)) { sums[m.value].template take<s.value>(sum[m.value]); });
  });
  unroll<m_rows>([&](auto m) __attribute__((always_inline)) {
    const std::int64_t at = m.value * x.padded_groups + group;
    const __m512 sum = _mm512_cvtepi32_ps(sums[m.value].all());
    const __m512 term = _mm512_fmadd_ps(sum, _mm512_mul_ps(_mm512_load_ps(x.scales + at), scale_w),
                                        _mm512_mul_ps(_mm512_load_ps(x.sums + at), bias_w));
    _mm512_store_ps(args.terms + m.value * args.terms_stride + group, term);
  });
}

/// terms[m, g] for the piece's groups; zero past the last one. `tail` holds a step's worth of bytes, zero
/// where no row's last groups were copied to. A function of its own, whose registers hold nothing else.
template <int bits, int group_size, int limbs, int m_rows>
[[gnu::noinline]] void row_terms(const RowArgs& args, std::byte* tail) {
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
