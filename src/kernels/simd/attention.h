#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/simd/dots.h"
#include "kernels/simd/math.h"
#include "kernels/simd/parts.h"

// Attention with an online softmax (Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022,
// arXiv:2205.14135), for kQueries queries at a time. Keys are taken in spans of kKeys positions, aligned in
// the sequence rather than in the cache or in the batch, and a query never touches a key that it does not
// see: so its result depends neither on the block size nor on what it is computed together with.
namespace tramontane {
namespace {

constexpr std::int64_t kQueries = 32;  // rows times heads of the group
constexpr std::int64_t kKeys = 64;

/// Positions [begin, end).
struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

inline Span overlap(Span a, Span b) {
  return {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
}

/// Some queries of one call, row by row and head by head, and their state. The arrays are in the caller's
/// scratch; rows of head_dim are padded with zeros to `width` floats.
struct QueryTile {
  std::int64_t first = 0;  // query i of the tile is query first + i of the call
  std::int64_t count = 0;
  std::int64_t width = 0;
  float* q = nullptr;       // [kQueries, width], scaled
  float* sums = nullptr;    // [kQueries, width], of values, weighted
  float* scores = nullptr;  // [kQueries, kKeys], then the weights
  float* keys = nullptr;    // [kKeys, width]
  float* values = nullptr;  // [kKeys, width]
  float best[kQueries];     // greatest score so far
  float total[kQueries];    // sum of weights so far
};

inline std::int64_t group_size(const AttentionArgs& args) { return args.n_heads / args.kv.n_kv_heads; }

/// The positions that query i of the tile sees.
inline Span seen_by(const AttentionArgs& args, const QueryTile& tile, std::int64_t i) {
  const std::int64_t position = args.first_position + (tile.first + i) / group_size(args);
  const bool all = args.window == 0 || position < args.window;
  return {all ? 0 : position - args.window + 1, position + 1};
}

/// Where query i of the tile starts in rows of the given stride.
inline std::int64_t place_of(const AttentionArgs& args, const QueryTile& tile, std::int64_t i,
                             std::int64_t stride) {
  const std::int64_t group = group_size(args);
  const std::int64_t at = tile.first + i;
  return at / group * stride + (args.kv_head * group + at % group) * args.kv.head_dim;
}

template <class V>
void load_queries(const AttentionArgs& args, QueryTile& tile) {
  const V scale = V::set(args.scale);
  for (std::int64_t i = 0; i < tile.count; ++i) {
    const float* from = args.q + place_of(args, tile, i, args.q_stride);
    for_each_vector<V>(args.kv.head_dim, [&](std::int64_t d, auto part) {
      (part.load(from + d) * scale).store(tile.q + i * tile.width + d);
      V::zero().store(tile.sums + i * tile.width + d);
    });
    tile.best[i] = -__builtin_inff();
    tile.total[i] = 0;
  }
}

/// `count` tokens of head_dim elements to rows of `width` floats.
template <class V, DType dtype>
void widen_tokens(const std::byte* in, std::int64_t count, std::int64_t head_dim, std::int64_t width,
                  float* out) {
  constexpr auto size = static_cast<std::int64_t>(size_of(dtype));
  for (std::int64_t t = 0; t < count; ++t, in += head_dim * size, out += width) {
    for_each_vector<V>(head_dim, [&](std::int64_t d, auto part) {
      part.template load<dtype>(in + d * size).store(out + d);
    });
  }
}

/// Keys or values of the positions in `span`, as rows of `width` floats: in place if they lie so, else in
/// `scratch`.
template <class V>
const float* gather(const KvView& kv, std::size_t offset, int kv_head, Span span, std::int64_t width,
                    float* scratch) {
  const std::byte* const* blocks = kv.blocks.data();
  const auto size = static_cast<std::int64_t>(size_of(kv.dtype));
  for (std::int64_t t = span.begin; t < span.end;) {
    const std::int64_t in_block = t % kv.block_tokens;
    const std::int64_t left = kv.block_tokens - in_block;
    const std::int64_t count = left < span.end - t ? left : span.end - t;
    const std::int64_t element = (kv_head * kv.block_tokens + in_block) * kv.head_dim;
    const std::byte* in = blocks[t / kv.block_tokens] + offset + element * size;
    float* out = scratch + (t - span.begin) * width;
    if (kv.dtype == DType::float16) {
      widen_tokens<V, DType::float16>(in, count, kv.head_dim, width, out);
    } else if (count == span.end - span.begin && width == kv.head_dim) {
      return reinterpret_cast<const float*>(in);
    } else {
      widen_tokens<V, DType::float32>(in, count, kv.head_dim, width, out);
    }
    t += count;
  }
  return scratch;
}

/// Scores of query i to weights, for the positions `seen` of the span from `start`; the others of the row get
/// zero. Brings the query's sums to the new greatest score.
template <class V>
void soften(QueryTile& tile, std::int64_t i, Span seen, std::int64_t start) {
  float* row = tile.scores + i * kKeys;
  for (std::int64_t t = 0; t < seen.begin - start; ++t) row[t] = -__builtin_inff();
  for (std::int64_t t = seen.end - start; t < kKeys; ++t) row[t] = -__builtin_inff();
  V most = V::load(row);
  for (std::int64_t t = V::lanes; t < kKeys; t += V::lanes) most = V::max(most, V::load(row + t));
  const float found = top(most);
  const float best = found > tile.best[i] ? found : tile.best[i];
  const V base = V::set(best == -__builtin_inff() ? 0 : best);  // all weights are then zero, not NaN
  V total = V::zero();
  for (std::int64_t t = 0; t < kKeys; t += V::lanes) {
    const V weight = exp(V::load(row + t) - base);
    weight.store(row + t);
    total = total + weight;
  }
  if (best != tile.best[i]) {
    float factors[V::lanes];
    exp(V::set(tile.best[i] - best)).store(factors);
    tile.total[i] *= factors[0];
    const V factor = V::set(factors[0]);
    float* sums = tile.sums + i * tile.width;
    for (std::int64_t d = 0; d < tile.width; d += V::lanes) (V::load(sums + d) * factor).store(sums + d);
  }
  tile.total[i] += sum(total);
  tile.best[i] = best;
}

/// sums[i, d] += weights[i, t] * values[t, d], in order of t.
struct ValueArgs {
  const float* weights;  // [rows, kKeys]
  const float* values;   // [count, width]
  std::int64_t count;
  float* sums;  // [rows, width]
  std::int64_t width;
};

template <class V, int rows, int vectors>
void add_value_vectors(const ValueArgs& args, std::int64_t d) {
  V acc[rows * vectors];
  float* sums = args.sums + d;
  unroll<rows * vectors>([&](auto i) {
    acc[i.value] = V::load(sums + i.value / vectors * args.width + i.value % vectors * V::lanes);
  });
  const float* values = args.values + d;
  for (std::int64_t t = 0; t < args.count; ++t, values += args.width) {
    V value[vectors];
    unroll<vectors>([&](auto j) { value[j.value] = V::load(values + j.value * V::lanes); });
    unroll<rows>([&](auto i) {
      const V weight = V::set(args.weights[i.value * kKeys + t]);
      unroll<vectors>([&](auto j) {
        V& sum = acc[i.value * vectors + j.value];
        sum = V::fma(weight, value[j.value], sum);
      });
    });
  }
  unroll<rows * vectors>([&](auto i) {
    acc[i.value].store(sums + i.value / vectors * args.width + i.value % vectors * V::lanes);
  });
}

template <class V, int rows>
void add_values(const ValueArgs& args) {
  constexpr std::int64_t step = V::value_vectors * V::lanes;
  std::int64_t d = 0;
  for (; d + step <= args.width; d += step) add_value_vectors<V, rows, V::value_vectors>(args, d);
  for (; d < args.width; d += V::lanes) add_value_vectors<V, rows, 1>(args, d);
}

/// Adds the values of `span`, whose first row is `values`, to `rows` queries from i: what all of them see
/// together, what only some see before and after that one query at a time, so that no weight of zero meets an
/// unseen value.
template <class V, int rows>
void add_seen_values(const AttentionArgs& args, QueryTile& tile, std::int64_t i, Span span,
                     const float* values) {
  const std::int64_t start = span.begin / kKeys * kKeys;
  const auto slice = [&](std::int64_t query, Span part) -> ValueArgs {
    return {.weights = tile.scores + query * kKeys + (part.begin - start),
            .values = values + (part.begin - span.begin) * tile.width,
            .count = part.end - part.begin,
            .sums = tile.sums + query * tile.width,
            .width = tile.width};
  };
  const auto add_alone = [&](std::int64_t query, Span part) {
    part = overlap(part, overlap(span, seen_by(args, tile, query)));
    if (part.begin < part.end) add_values<V, 1>(slice(query, part));
  };
  // Positions only grow with i: the first query sees the earliest end, the last one the latest beginning.
  Span shared = overlap(span, overlap(seen_by(args, tile, i), seen_by(args, tile, i + rows - 1)));
  if (shared.begin >= shared.end) shared = {span.end, span.end};
  for (int r = 0; r < rows; ++r) add_alone(i + r, {span.begin, shared.begin});
  if (shared.begin < shared.end) add_values<V, rows>(slice(i, shared));
  for (int r = 0; r < rows; ++r) add_alone(i + r, {shared.end, span.end});
}

/// One span of keys and values for all queries of the tile.
template <class V>
void attend_span(const AttentionArgs& args, QueryTile& tile, Span span) {
  const KvView& kv = args.kv;
  const std::int64_t start = span.begin / kKeys * kKeys;
  const std::int64_t count = span.end - span.begin;
  const float* keys = gather<V>(kv, kv.key_offset, args.kv_head, span, tile.width, tile.keys);
  dots<V>({.x = {tile.q, tile.width, tile.count},
           .w = {keys, tile.width, count},
           .k = tile.width,
           .out = tile.scores + (span.begin - start),
           .out_stride = kKeys,
           .accumulate = false});
  const float* values = gather<V>(kv, kv.value_offset, args.kv_head, span, tile.width, tile.values);
  for (std::int64_t i = 0; i < tile.count; ++i) {
    const Span seen = overlap(span, seen_by(args, tile, i));
    if (seen.begin < seen.end) soften<V>(tile, i, seen, start);
  }
  std::int64_t i = 0;
  for (; i + V::tile_rows <= tile.count; i += V::tile_rows) {
    add_seen_values<V, V::tile_rows>(args, tile, i, span, values);
  }
  for (; i < tile.count; ++i) add_seen_values<V, 1>(args, tile, i, span, values);
}

template <class V>
void store_outputs(const AttentionArgs& args, const QueryTile& tile) {
  for (std::int64_t i = 0; i < tile.count; ++i) {
    float* out = args.out + place_of(args, tile, i, args.out_stride);
    const V total = V::set(tile.total[i]);
    for_each_vector<V>(args.kv.head_dim, [&](std::int64_t d, auto part) {
      part.store(V::load(tile.sums + i * tile.width + d) / total, out + d);
    });
  }
}

template <class V>
std::size_t attention_scratch_floats(std::int64_t /*block_tokens*/, int head_dim) {
  return static_cast<std::size_t>((2 * kQueries + 2 * kKeys) * padded<V>(head_dim) + kQueries * kKeys);
}

template <class V>
void attention(const AttentionArgs& args) {
  QueryTile tile;
  tile.width = padded<V>(args.kv.head_dim);
  tile.q = args.scratch;
  tile.sums = tile.q + kQueries * tile.width;
  tile.keys = tile.sums + kQueries * tile.width;
  tile.values = tile.keys + kKeys * tile.width;
  tile.scores = tile.values + kKeys * tile.width;
  const std::int64_t queries = args.rows * group_size(args);
  for (; tile.first < queries; tile.first += kQueries) {
    tile.count = queries - tile.first < kQueries ? queries - tile.first : kQueries;
    load_queries<V>(args, tile);
    const Span seen = {seen_by(args, tile, 0).begin, seen_by(args, tile, tile.count - 1).end};
    for (std::int64_t start = seen.begin / kKeys * kKeys; start < seen.end; start += kKeys) {
      attend_span<V>(args, tile, overlap(seen, {start, start + kKeys}));
    }
    store_outputs<V>(args, tile);
  }
}

}  // namespace
}  // namespace tramontane
