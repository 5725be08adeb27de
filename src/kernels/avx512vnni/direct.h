#pragma once
#include "kernels/avx512vnni/terms.h"
#include "kernels/simd/blocks.h"

// Few rows of x: 8 rows of w leave their terms in the scratch, which are then added up side by side.
namespace tramontane {
namespace {

constexpr std::int64_t kTileRows = 8;        // of w: more would push x out of the first-level cache
constexpr std::int64_t kWholeBytes = 49152;  // of x whose rows are taken whole: a first-level cache of 48 KB
constexpr std::int64_t kPieceBytes = 32768;  // of x otherwise

inline __m256i load_eight(const float* at) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(at)); }

/// sum + the terms of `groups` groups in order, a row's in each lane.
inline __m256 add_terms(const float* terms, std::int64_t stride, std::int64_t groups, __m256 sum) {
  for (std::int64_t g = 0; g < groups; g += kStepGroups) {
    // Group c of rows 0 to 7, then group c + 8 of them.
    __m512i r[8];
    unroll<8>([&](auto i) __attribute__((always_inline)) {
      const float* row = terms + i.value % 4 * stride + g + i.value / 4 * 8;
      r[i.value] =
          _mm512_inserti64x4(_mm512_castsi256_si512(load_eight(row)), load_eight(row + 4 * stride), 1);
    });
    transpose_halves(r);
    const std::int64_t used = least(kStepGroups, groups - g);
    for (std::int64_t i = 0; i < least(8, used); ++i)
      sum = _mm256_add_ps(sum, _mm256_castsi256_ps(_mm512_castsi512_si256(r[i])));
    for (std::int64_t i = 8; i < used; ++i)
      sum = _mm256_add_ps(sum, _mm256_castsi256_ps(_mm512_extracti64x4_epi64(r[i - 8], 1)));
  }
  return sum;
}

/// In what order w is read: a piece of each of 8 rows, then the next piece of them, and so on to the rows'
/// end; then the next 8. A row is one piece where x fits the first-level cache. Weights are fetched in the
/// order in which they lie, so far ahead that the last of the 8 rows is there when their first pieces are
/// read: the order of reading instead costs two rows of x 4 to 7%.
class PieceOrder {
 public:
  PieceOrder(const IntegerLinearArgs& args, std::int64_t bytes_per_group)
      : w_(args.w), bytes_per_group_(bytes_per_group), groups_per_row_(args.x.groups()) {
    const IntegerRows& x = args.x;
    const auto parts_of = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
    const std::int64_t steps = parts_of(groups_per_row_, kStepGroups);
    const std::int64_t bytes = x.rows * x.spec.limbs * x.cols;
    const std::int64_t wanted = bytes <= kWholeBytes ? 1 : parts_of(bytes, kPieceBytes);
    groups_ = parts_of(steps, wanted) * kStepGroups;
    pieces_ = parts_of(groups_per_row_, groups_);
    ahead_ = kTileRows * (groups_per_row_ - groups(0)) +
             parts_of(static_cast<std::int64_t>(kBytesAhead), bytes_per_group);
  }

  std::int64_t pieces() const { return pieces_; }
  std::int64_t first_group(std::int64_t piece) const { return piece * groups_; }
  std::int64_t groups(std::int64_t piece) const {
    return least(groups_, groups_per_row_ - first_group(piece));
  }

  /// A piece of row n + i, n being the first of the 8.
  RowPiece at(std::int64_t n, std::int64_t i, std::int64_t piece) const {
    return from((n + i) * groups_per_row_ + first_group(piece));
  }

  /// What to fetch meanwhile.
  RowPiece ahead(std::int64_t n, std::int64_t i, std::int64_t piece) const {
    const std::int64_t read = n * groups_per_row_ + kTileRows * first_group(piece) + i * groups(piece);
    return from(read + ahead_);
  }

 private:
  RowPiece from(std::int64_t group) const {
    const auto scale_bytes = static_cast<std::int64_t>(size_of(w_.scale_dtype));
    return {.weights = w_.data + group * bytes_per_group_,
            .scales = w_.scales + group * scale_bytes,
            .biases = w_.biases + group * scale_bytes};
  }

  const MatrixView& w_;
  std::int64_t bytes_per_group_;
  std::int64_t groups_per_row_;
  std::int64_t pieces_;  // of a row
  std::int64_t groups_;  // of a piece, but for the last
  std::int64_t ahead_;   // groups
};

template <int bits, int group_size, int limbs, int m_rows>
void linear_tile(const IntegerLinearArgs& args, const PieceOrder& order, std::int64_t n, std::byte* tail) {
  const std::int64_t count = least(kTileRows, args.row_end - n);
  // Not a multiple of a page, or the terms would all lie in the same few places of the first-level cache.
  const std::int64_t stride = args.x.padded_groups() + 16;
  __m256 sums[m_rows];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (std::int64_t piece = 0; piece < order.pieces(); ++piece) {
    RowArgs row{.x = XPiece(args.x, order.first_group(piece)),
                .groups = order.groups(piece),
                .scale_dtype = args.w.scale_dtype,
                .scale_bytes = static_cast<std::int64_t>(size_of(args.w.scale_dtype)),
                .w = {},
                .ahead = {},
                .terms = args.scratch,
                .terms_stride = kTileRows * stride};
    for (std::int64_t i = 0; i < count; ++i, row.terms += stride) {
      row.w = order.at(n, i, piece);
      row.ahead = order.ahead(n, i, piece);
      row_terms<bits, group_size, limbs, m_rows>(row, tail);
    }
    for (int m = 0; m < m_rows; ++m)
      sums[m] = add_terms(args.scratch + m * kTileRows * stride, stride, row.groups, sums[m]);
  }
  for (int m = 0; m < m_rows; ++m) {
    _mm256_mask_storeu_ps(args.y + m * args.y_stride + n, static_cast<__mmask8>((1U << count) - 1), sums[m]);
  }
}

template <int bits, int group_size, int limbs>
void linear_direct(const IntegerLinearArgs& args) {
  static_assert(kMostDirectRows == 2);
  alignas(64) std::byte tail[StepShape<bits, group_size>::bytes] = {};
  const PieceOrder order(args, group_size * bits / 8);
  for (std::int64_t n = args.row_begin; n < args.row_end; n += kTileRows) {
    if (args.x.rows == 2) {
      linear_tile<bits, group_size, limbs, 2>(args, order, n, tail);
    } else {
      linear_tile<bits, group_size, limbs, 1>(args, order, n, tail);
    }
  }
}

inline std::size_t direct_scratch_floats(const IntegerRows& x) {
  return static_cast<std::size_t>(kMostDirectRows * kTileRows * (x.padded_groups() + 16));
}

}  // namespace
}  // namespace tramontane
