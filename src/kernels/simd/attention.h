#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/kernels.h"
#include "kernels/simd/kv_tiles.h"
#include "kernels/simd/math.h"
#include "kernels/simd/products.h"
#include "kernels/simd/query_tile.h"

// Attention with an online softmax (Milakov & Gimelshein 2018, arXiv:1805.02867; Dao et al. 2022,
// arXiv:2205.14135), for kQueries queries at a time. Keys are taken in tiles of kKeys positions, aligned in
// the sequence rather than in the cache or in the batch, a query adds up in order of position within each
// piece of the context, and never touches a value that it does not see: so its result depends neither on the
// block size nor on what it is computed together with.
namespace tramontane {
namespace {

/// Adds the values of `span`, whose first one is values.data, to queries [i, i + count).
template <class V>
void add_values(const QueryTile& tile, std::int64_t i, std::int64_t count, Span span, const Panel& values,
                Span part) {
  if (part.begin >= part.end) return;
  const std::int64_t skipped = (part.begin - span.begin) * values.stride;
  multiply<V>({.a = tile.scores + i * kKeys + part.begin % kKeys,
               .a_stride = kKeys,
               .rows = count,
               .b = values.data + static_cast<std::size_t>(skipped) * size_of(values.dtype),
               .b_dtype = values.dtype,
               .b_stride = values.stride,
               .depth = part.end - part.begin,
               .columns = tile.width,
               .c = tile.piece.sums + i * tile.width,
               .c_stride = tile.width,
               .ahead = values.ahead});
}

/// The same where not every query sees all of the span: what all of some queries see together, what only
/// some see before and after that one query at a time, so that no weight of zero meets an unseen value.
template <class V>
void add_seen_values(const AttentionArgs& args, const QueryTile& tile, Span span, const Panel& values) {
  for (std::int64_t i = 0; i < tile.count; i += V::product_rows) {
    const std::int64_t left = tile.count - i;
    const std::int64_t rows = left < V::product_rows ? left : V::product_rows;
    // Positions only grow with i: the first query sees the earliest end, the last one the latest beginning.
    Span shared = overlap(span, overlap(seen_by(args, tile, i), seen_by(args, tile, i + rows - 1)));
    if (shared.begin >= shared.end) shared = {span.end, span.end};
    const auto alone = [&](Span part) {
      for (std::int64_t r = i; r < i + rows; ++r)
        add_values<V>(tile, r, 1, span, values, overlap(part, seen_by(args, tile, r)));
    };
    alone({span.begin, shared.begin});
    add_values<V>(tile, i, rows, span, values, shared);
    alone({shared.end, span.end});
  }
}

/// The keys and values in `span`, a part of one tile, for all queries.
template <class V>
void attend_span(const AttentionArgs& args, const QueryTile& tile, Span span) {
  const std::int64_t start = span.begin / kKeys * kKeys;
  const Panel keys = keys_of<V>(args, tile, span);
  multiply<V>({.a = tile.q,
               .a_stride = tile.width,
               .rows = tile.count,
               .b = keys.data,
               .b_dtype = keys.dtype,
               .b_stride = keys.stride,
               .depth = args.kv.head_dim,
               .columns = kKeys,
               .c = tile.scores,
               .c_stride = kKeys,
               .fresh = true,
               .ahead = keys.ahead});
  const Panel values = values_of<V>(args, tile, span);
  const Scales scales = scales_of<V>(args, tile, span);
  const NextTile next = tile_after(args, start, tile.count);
  const Span by_all = overlap(seen_by(args, tile, 0), seen_by(args, tile, tile.count - 1));
  if (by_all.begin <= span.begin && span.end <= by_all.end) {
    for (std::int64_t i = 0; i < tile.count; ++i) {
      next.fetch(i);
      soften<V>(tile, i, {span.begin - start, span.end - start}, scales);
    }
    add_values<V>(tile, 0, tile.count, span, values, span);
    return;
  }
  for (std::int64_t i = 0; i < tile.count; ++i) {
    next.fetch(i);
    const Span seen = overlap(span, seen_by(args, tile, i));
    if (seen.begin < seen.end) soften<V>(tile, i, {seen.begin - start, seen.end - start}, scales);
  }
  add_seen_values<V>(args, tile, span, values);
}

/// One piece of the context for the queries of the tile, which are loaded.
template <class V>
void attend_tile(const AttentionArgs& args, const QueryTile& tile, std::int64_t piece) {
  clear<V>(tile.piece, tile.count, tile.width);
  for (std::int64_t i = 0; i < tile.count; ++i) V::zero().store(tile.weights + i * V::lanes);
  const Span seen = overlap({seen_by(args, tile, 0).begin, seen_by(args, tile, tile.count - 1).end},
                            {piece * kContextPiece, (piece + 1) * kContextPiece});
  for (std::int64_t start = seen.begin / kKeys * kKeys; start < seen.end; start += kKeys)
    attend_span<V>(args, tile, overlap(seen, {start, start + kKeys}));
  for (std::int64_t i = 0; i < tile.count; ++i)
    tile.piece.total[i] = sum(V::load(tile.weights + i * V::lanes));
}

template <class V>
std::size_t attention_scratch_floats(int head_dim) {
  const std::int64_t width = padded<V>(head_dim);
  const std::int64_t queries = kQueries * (3 * width + kKeys + V::lanes + 4);
  return static_cast<std::size_t>(queries + 2 * kKeys * (width + 1));
}

/// A tile before the first, its arrays at the start of the scratch; `rest` is where they end.
template <class V>
QueryTile make_tile(const AttentionArgs& args, float*& rest) {
  QueryTile tile;
  tile.width = padded<V>(args.kv.head_dim);
  rest = args.scratch;
  const auto take = [&rest](std::int64_t floats) { return std::exchange(rest, rest + floats); };
  tile.q = take(kQueries * tile.width);
  tile.scores = take(kQueries * kKeys);
  tile.weights = take(kQueries * V::lanes);
  tile.keys = take(kKeys * tile.width);
  tile.values = take(kKeys * tile.width);
  tile.key_scales = take(kKeys);
  tile.value_scales = take(kKeys);
  return tile;
}

template <class V>
void attention(const AttentionArgs& args) {
  float* rest = nullptr;
  QueryTile tile = make_tile<V>(args, rest);
  tile.piece = gathered_in(rest, kQueries, tile.width);
  const Gathered all = gathered_in(rest + kQueries * (tile.width + 2), kQueries, tile.width);
  const ContextPieces pieces = pieces_of(args);
  while (advance(args, tile)) {
    load_queries<V>(args, tile);
    clear<V>(all, tile.count, tile.width);
    for (std::int64_t piece = pieces.begin; piece < pieces.end; ++piece) {
      attend_tile<V>(args, tile, piece);
      merge<V>(all, tile.piece, tile.count, tile.width);
    }
    store_outputs<V>(args, tile, all);
  }
}

template <class V>
void attend_piece(const AttentionArgs& args, std::int64_t piece, float* part) {
  float* rest = nullptr;
  QueryTile tile = make_tile<V>(args, rest);
  const Gathered whole = gathered_in(part, args.queries(), tile.width);
  while (advance(args, tile)) {
    tile.piece = whole.from(tile.first, tile.width);
    load_queries<V>(args, tile);
    attend_tile<V>(args, tile, piece);
  }
}

/// Merges into the first part.
template <class V>
void merge_pieces(const AttentionArgs& args, float* parts, std::size_t stride) {
  QueryTile tile;
  tile.count = args.queries();
  tile.width = padded<V>(args.kv.head_dim);
  const ContextPieces pieces = pieces_of(args);
  const Gathered all = gathered_in(parts, tile.count, tile.width);
  for (std::int64_t i = 1; i < pieces.end - pieces.begin; ++i) {
    float* part = parts + static_cast<std::size_t>(i) * stride;
    merge<V>(all, gathered_in(part, tile.count, tile.width), tile.count, tile.width);
  }
  store_outputs<V>(args, tile, all);
}

}  // namespace
}  // namespace tramontane
