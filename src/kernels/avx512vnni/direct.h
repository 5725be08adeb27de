#pragma once
#include "kernels/avx512vnni/terms.h"

// Few rows of x: 16 rows of w leave their terms in the scratch, which are then added up side by side.
namespace tramontane {
namespace {

constexpr std::int64_t kTileRows = 16;       // of w
constexpr std::int64_t kPieceBytes = 24576;  // of x: with the terms and the weights on their way it fits the
                                             // first-level cache
constexpr std::int64_t kBytesAhead = 6144;   // of weights: far enough to hide memory

/// sum + the terms of `groups` groups in order, a row's in each lane.
inline __m512 add_terms(const float* terms, std::int64_t stride, std::int64_t groups, __m512 sum) {
  for (std::int64_t g = 0; g < groups; g += kStepGroups) {
    __m512i r[16];
    unroll<16>([&](auto i) { r[i.value] = _mm512_load_si512(terms + i.value * stride + g); });
    transpose(r);
    const std::int64_t used = least(kStepGroups, groups - g);
    if (used == kStepGroups) {
      unroll<16>([&](auto i) { sum = _mm512_add_ps(sum, _mm512_castsi512_ps(r[i.value])); });
    } else {
      for (std::int64_t i = 0; i < used; ++i) sum = _mm512_add_ps(sum, _mm512_castsi512_ps(r[i]));
    }
  }
  return sum;
}

/// In what order w is read: a piece of each of 16 rows, then the next piece of them, and so on to the rows'
/// end; then the next 16. A row is one piece where x leaves room in the first-level cache.
class PieceOrder {
 public:
  PieceOrder(const IntegerLinearArgs& args, std::int64_t bytes_per_group)
      : args_(args), bytes_per_group_(bytes_per_group) {
    const IntegerRows& x = args.x;
    const auto parts_of = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
    const std::int64_t steps = parts_of(x.groups(), kStepGroups);
    const std::int64_t wanted = parts_of(x.rows * x.spec.limbs * x.cols, kPieceBytes);
    groups_ = parts_of(steps, wanted) * kStepGroups;
    pieces_ = parts_of(x.groups(), groups_);
    const std::int64_t ahead = parts_of(kBytesAhead, kStepGroups * bytes_per_group) * kStepGroups;
    pieces_ahead_ = ahead / groups_;
    groups_ahead_ = ahead % groups_;
  }

  std::int64_t pieces() const { return pieces_; }
  std::int64_t first_group(std::int64_t piece) const { return piece * groups_; }
  std::int64_t groups(std::int64_t piece) const {
    return least(groups_, args_.x.groups() - first_group(piece));
  }

  /// Row n + i from group `first` of the piece on.
  RowPiece at(std::int64_t n, std::int64_t i, std::int64_t piece, std::int64_t first = 0) const {
    const MatrixView& w = args_.w;
    const std::int64_t group = (n + i) * args_.x.groups() + first_group(piece) + first;
    const auto scale_bytes = static_cast<std::int64_t>(size_of(w.scale_dtype));
    return {.weights = w.data + group * bytes_per_group_,
            .scales = w.scales + group * scale_bytes,
            .biases = w.biases + group * scale_bytes};
  }

  /// What to fetch during the piece of row n + i, n being the first of the 16.
  Ahead ahead(std::int64_t n, std::int64_t i, std::int64_t piece) const {
    const auto later = [&](std::int64_t count, std::int64_t first) {
      if (pieces_ == 1) return at(n, i + count, 0, first);  // whole rows in order, short ones perhaps
      const std::int64_t turns = (i + count) / kTileRows;
      return at(n + (piece + turns) / pieces_ * kTileRows, (i + count) % kTileRows, (piece + turns) % pieces_,
                first);
    };
    return {.near = later(pieces_ahead_, groups_ahead_),
            .far = later(pieces_ahead_ + 1, groups_ahead_ - groups_),
            .turn = groups_ - groups_ahead_};
  }

 private:
  const IntegerLinearArgs& args_;
  std::int64_t bytes_per_group_;
  std::int64_t pieces_;  // of a row
  std::int64_t groups_;  // of a piece, but for the last
  std::int64_t pieces_ahead_;
  std::int64_t groups_ahead_;
};

template <int bits, int group_size, int limbs, int m_rows>
void linear_tile(const IntegerLinearArgs& args, const PieceOrder& order, std::int64_t n, std::byte* tail) {
  const std::int64_t count = least(kTileRows, args.row_end - n);
  // Not a multiple of a page, or the terms would all lie in the same few places of the first-level cache.
  const std::int64_t stride = args.x.padded_groups() + 16;
  __m512 sums[m_rows];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t piece = 0; piece < order.pieces(); ++piece) {
    const std::int64_t groups = order.groups(piece);
    for (std::int64_t i = 0; i < count; ++i) {
      const RowArgs row_args{.x = &args.x,
                             .first_group = order.first_group(piece),
                             .groups = groups,
                             .scale_dtype = args.w.scale_dtype,
                             .scale_bytes = static_cast<std::int64_t>(size_of(args.w.scale_dtype)),
                             .w = order.at(n, i, piece),
                             .ahead = order.ahead(n, i, piece),
                             .terms = args.scratch + i * stride,
                             .terms_stride = kTileRows * stride};
      row_terms<bits, group_size, limbs, m_rows>(row_args, tail);
    }
    for (int m = 0; m < m_rows; ++m) {
      sums[m] = add_terms(args.scratch + m * kTileRows * stride, stride, groups, sums[m]);
    }
  }
  for (int m = 0; m < m_rows; ++m) {
    _mm512_mask_storeu_ps(args.y + m * args.y_stride + n, static_cast<__mmask16>((1U << count) - 1), sums[m]);
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
