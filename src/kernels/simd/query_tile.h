#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/simd/math.h"
#include "kernels/simd/parts.h"

// Queries that are attended together, and the state of their softmax.
namespace tramontane {
namespace {

constexpr std::int64_t kQueries = 128;  // rows times heads of the group
constexpr std::int64_t kKeys = 64;      // in a tile of keys, aligned in the sequence
static_assert(kContextPiece % kKeys == 0);

/// Positions [begin, end).
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

inline Span overlap(Span a, Span b) {
  return {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
}

/// What some queries have gathered from a part of the context. Rows of head_dim are padded to whole vectors.
struct Gathered {
  float* sums = nullptr;   // [queries, width] of values, weighted
  float* best = nullptr;   // [queries] greatest score
  float* total = nullptr;  // [queries] sum of weights; 0: nothing yet

  Gathered from(std::int64_t query, std::int64_t width) const {
    return {sums + query * width, best + query, total + query};
  }
};

/// Room for one query's in a part (see Kernels::attend_piece), and how a part is laid out.
template <class V>
std::size_t part_floats(int head_dim) {
  return static_cast<std::size_t>(padded<V>(head_dim) + 2);
}
inline Gathered gathered_in(float* part, std::int64_t queries, std::int64_t width) {
  return {part, part + queries * width, part + queries * (width + 1)};
}

/// What to multiply the scores and then the weights of a tile of keys by; null: nothing.
struct Scales {
  const float* keys = nullptr;    // [kKeys]
  const float* values = nullptr;  // [kKeys]
};

template <class V>
void scale_row(float* row, const float* scales) {
  if (scales == nullptr) return;
  for (std::int64_t t = 0; t < kKeys; t += V::lanes) (V::load(row + t) * V::load(scales + t)).store(row + t);
}

/// Queries [first, first + count) of a call, row by row and head by head. The arrays are in the caller's
/// scratch.
struct QueryTile {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t width = 0;         // head_dim padded to whole vectors
  float* q = nullptr;             // [kQueries, width], scaled
  float* scores = nullptr;        // [kQueries, kKeys], then the weights
  float* weights = nullptr;       // [kQueries, lanes], sums of weights lane by lane
  float* keys = nullptr;          // [head_dim, kKeys]
  float* values = nullptr;        // [kKeys, width]
  float* key_scales = nullptr;    // [kKeys]
  float* value_scales = nullptr;  // [kKeys]
  Gathered piece;                 // of the piece of the context at hand
};

/// The positions that query i of the tile sees.
inline Span seen_by(const AttentionArgs& args, const QueryTile& tile, std::int64_t i) {
  const std::int64_t position = args.first_position + (tile.first + i) / args.heads_per_kv_head();
  return {args.first_seen(position), position + 1};
}

/// Where query i of the tile starts in rows of the given stride.
inline std::int64_t place_of(const AttentionArgs& args, const QueryTile& tile, std::int64_t i,
                             std::int64_t stride) {
  const std::int64_t group = args.heads_per_kv_head();
  const std::int64_t at = tile.first + i;
  return at / group * stride + (args.kv_head * group + at % group) * args.kv.head_dim;
}

/// The next queries of the call; false when there are none left.
inline bool advance(const AttentionArgs& args, QueryTile& tile) {
  tile.first += tile.count;
  const std::int64_t left = args.queries() - tile.first;
  tile.count = left < kQueries ? left : kQueries;
  return left > 0;
}

template <class V>
void load_queries(const AttentionArgs& args, const QueryTile& tile) {
  const V scale = V::set(args.scale);
  for (std::int64_t i = 0; i < tile.count; ++i) {
    const float* from = args.q + place_of(args, tile, i, args.q_stride);
    for_each_vector<V>(args.kv.head_dim, [&](std::int64_t d, auto part) {
      (part.load(from + d) * scale).store(tile.q + i * tile.width + d);
    });
  }
}

/// Nothing gathered yet, by `count` queries.
template <class V>
void clear(const Gathered& gathered, std::int64_t count, std::int64_t width) {
  for (std::int64_t i = 0; i < count; ++i) {
    gathered.best[i] = -__builtin_inff();
    gathered.total[i] = 0;
  }
  for (std::int64_t d = 0; d < count * width; d += V::lanes) V::zero().store(gathered.sums + d);
}

/// e^x for one x.
template <class V>
float exp_of(float x) {
  float lanes[V::lanes];
  exp(V::set(x)).store(lanes);
  return lanes[0];
}

/// Scores of query i, of which those in [seen.begin, seen.end) of the tile of keys count, to weights. Brings
/// the query's sums to the new greatest score.
template <class V>
void soften(const QueryTile& tile, std::int64_t i, Span seen, const Scales& scales) {
  float* row = tile.scores + i * kKeys;
  scale_row<V>(row, scales.keys);
  for (std::int64_t t = 0; t < seen.begin; ++t) row[t] = -__builtin_inff();
  for (std::int64_t t = seen.end; t < kKeys; ++t) row[t] = -__builtin_inff();
  V most = V::load(row);
  for (std::int64_t t = V::lanes; t < kKeys; t += V::lanes) most = V::max(most, V::load(row + t));
  const float before = tile.piece.best[i];
  const float found = V::greatest(most);
  const float best = found > before ? found : before;
  V total = V::load(tile.weights + i * V::lanes);
  if (best != before) {
    const V factor = V::set(exp_of<V>(before - best));
    total = total * factor;
    float* sums = tile.piece.sums + i * tile.width;
    for (std::int64_t d = 0; d < tile.width; d += V::lanes) (V::load(sums + d) * factor).store(sums + d);
    tile.piece.best[i] = best;
  }
  const V base = V::set(best == -__builtin_inff() ? 0 : best);  // all weights are then zero, not NaN
  for (std::int64_t t = 0; t < kKeys; t += V::lanes) {
    const V weight = exp(V::load(row + t) - base);
    weight.store(row + t);
    total = total + weight;
  }
  total.store(tile.weights + i * V::lanes);
  scale_row<V>(row, scales.values);
}

/// sums of one query = sums * factor + more * more_factor
template <class V>
void add_scaled(float* sums, float factor, const float* more, float more_factor, std::int64_t width) {
  for (std::int64_t d = 0; d < width; d += V::lanes)
    V::fma(V::load(sums + d), V::set(factor), V::load(more + d) * V::set(more_factor)).store(sums + d);
}

/// Adds what `count` queries found in the next piece of the context to what they have from those before.
template <class V>
void merge(const Gathered& all, const Gathered& piece, std::int64_t count, std::int64_t width) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (piece.total[i] == 0) continue;  // it sees nothing there
    float* sums = all.sums + i * width;
    const float* more = piece.sums + i * width;
    if (all.total[i] == 0) {  // the first piece stays as it is
      for (std::int64_t d = 0; d < width; d += V::lanes) V::load(more + d).store(sums + d);
      all.best[i] = piece.best[i];
      all.total[i] = piece.total[i];
      continue;
    }
    const float best = piece.best[i] > all.best[i] ? piece.best[i] : all.best[i];
    const float factor = exp_of<V>(all.best[i] - best);
    const float more_factor = exp_of<V>(piece.best[i] - best);
    add_scaled<V>(sums, factor, more, more_factor, width);
    all.best[i] = best;
    all.total[i] = all.total[i] * factor + piece.total[i] * more_factor;
  }
}

template <class V>
void store_outputs(const AttentionArgs& args, const QueryTile& tile, const Gathered& all) {
  for (std::int64_t i = 0; i < tile.count; ++i) {
    float* out = args.out + place_of(args, tile, i, args.out_stride);
    const V total = V::set(all.total[i]);
    for_each_vector<V>(args.kv.head_dim, [&](std::int64_t d, auto part) {
      part.store(V::load(all.sums + i * tile.width + d) / total, out + d);
    });
  }
}

}  // namespace
}  // namespace tramontane
