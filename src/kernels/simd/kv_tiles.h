#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"
#include "kernels/simd/parts.h"
#include "kernels/simd/products.h"
#include "kernels/simd/query_tile.h"

// Tiles of keys and values as products want them: where they lie in the cache, or gathered as floats.
namespace tramontane {
namespace {

/// A matrix of whole vectors.
struct Panel {
  const std::byte* data = nullptr;
  DType dtype = DType::float32;
  std::int64_t stride = 0;   // elements
  std::ptrdiff_t ahead = 0;  // bytes to the next tile's, if the product has time to fetch that; else 0
};

// Few queries are bound by memory: they convert elements in registers, as often as they need them, and fetch
// what comes next meanwhile. Many share one conversion.
inline bool few(std::int64_t queries) { return queries <= 8; }

template <class V>
bool used_in_place(const KvView& kv, std::int64_t queries) {
  return kv.block_tokens % kKeys == 0 && kv.head_dim % V::lanes == 0 &&
         (kv.dtype == DType::float32 || few(queries));
}

/// `count` elements as floats.
template <class V, DType dtype>
void to_floats(const std::byte* in, std::int64_t count, float* out) {
  constexpr auto size = static_cast<std::int64_t>(size_of(dtype));
  for_each_vector<V>(count, [&](std::int64_t i, auto part) {
    part.store(part.template load<dtype>(in + i * size), out + i);
  });
}
template <class V>
void to_floats(const std::byte* in, DType dtype, std::int64_t count, float* out) {
  if (dtype == DType::float16) return to_floats<V, DType::float16>(in, count, out);
  if (dtype == DType::int8) return to_floats<V, DType::int8>(in, count, out);
  to_floats<V, DType::float32>(in, count, out);
}

/// `position` in the next tile, or as it is where that is beyond the last query.
inline std::int64_t next_tile(const AttentionArgs& args, std::int64_t position) {
  return position + kKeys < args.first_position + args.rows ? position + kKeys : position;
}

/// The tile after the one at hand, to be brought into the second-level cache: asked for in
/// small portions while there is arithmetic to do, it is there when its turn comes.
struct NextTile {
  const std::byte* keys = nullptr;  // of one kv head, `bytes` each
  const std::byte* values = nullptr;
  std::int64_t bytes = 0;    // 0: nothing to fetch
  std::int64_t portion = 0;  // bytes for each query

  void fetch(std::int64_t query) const {
    const std::int64_t end = (query + 1) * portion;
    for (std::int64_t at = query * portion; at < end && at < bytes; at += kLineBytes) {
      __builtin_prefetch(keys + at, 0, 2);
      __builtin_prefetch(values + at, 0, 2);
    }
  }
};

inline NextTile tile_after(const AttentionArgs& args, std::int64_t start, std::int64_t queries) {
  const KvView& kv = args.kv;
  const std::int64_t next = next_tile(args, start);
  if (next == start || kv.block_tokens != kKeys) return {};
  const std::int64_t bytes = kKeys * kv.head_dim * static_cast<std::int64_t>(size_of(kv.dtype));
  const std::int64_t lines = (bytes + kLineBytes - 1) / kLineBytes;
  return {kv.key(args.kv_head, next, 0), kv.value(args.kv_head, next), bytes,
          (lines + queries - 1) / queries * kLineBytes};
}

/// body(first, count) for the runs of `span` that lie in one block each.
template <class Body>
void for_each_run(const KvView& kv, Span span, Body&& body) {
  for (std::int64_t t = span.begin; t < span.end;) {
    const std::int64_t left = kv.block_tokens - t % kv.block_tokens;
    const std::int64_t count = left < span.end - t ? left : span.end - t;
    body(t, count);
    t += count;
  }
}

/// Keys of the tile that holds `span`, one position a column; columns outside of it may hold anything.
template <class V>
Panel keys_of(const AttentionArgs& args, const QueryTile& tile, Span span) {
  const KvView& kv = args.kv;
  const std::int64_t start = span.begin / kKeys * kKeys;
  if (used_in_place<V>(kv, tile.count)) {
    const std::byte* data = kv.key(args.kv_head, start, 0);
    const std::byte* next = few(tile.count) ? kv.key(args.kv_head, next_tile(args, start), 0) : data;
    return {data, kv.dtype, kv.block_tokens, next - data};
  }
  for_each_run(kv, span, [&](std::int64_t first, std::int64_t count) {
    const auto row_bytes = static_cast<std::size_t>(kv.block_tokens) * size_of(kv.dtype);
    const std::byte* in = kv.key(args.kv_head, first, 0);
    for (std::int64_t d = 0; d < kv.head_dim; ++d, in += row_bytes)
      to_floats<V>(in, kv.dtype, count, tile.keys + d * kKeys + (first - start));
  });
  return {reinterpret_cast<const std::byte*>(tile.keys), DType::float32, kKeys};
}

/// Values of `span`, one position a row.
template <class V>
Panel values_of(const AttentionArgs& args, const QueryTile& tile, Span span) {
  const KvView& kv = args.kv;
  if (used_in_place<V>(kv, tile.count)) {
    const std::byte* data = kv.value(args.kv_head, span.begin);
    const std::byte* next = few(tile.count) ? kv.value(args.kv_head, next_tile(args, span.begin)) : data;
    return {data, kv.dtype, kv.head_dim, next - data};
  }
  for_each_run(kv, span, [&](std::int64_t first, std::int64_t count) {
    const auto row_bytes = static_cast<std::size_t>(kv.head_dim) * size_of(kv.dtype);
    const std::byte* in = kv.value(args.kv_head, first);
    for (std::int64_t t = first; t < first + count; ++t, in += row_bytes)
      to_floats<V>(in, kv.dtype, kv.head_dim, tile.values + (t - span.begin) * tile.width);
  });
  return {reinterpret_cast<const std::byte*>(tile.values), DType::float32, tile.width};
}

/// The scales of the positions in `span`, for quantised keys and values; the others of the tile may be
/// anything.
template <class V>
Scales scales_of(const AttentionArgs& args, const QueryTile& tile, Span span) {
  const KvView& kv = args.kv;
  if (kv.dtype != DType::int8) return {};
  for_each_run(kv, span, [&](std::int64_t first, std::int64_t count) {
    to_floats<V, DType::float32>(kv.key_scale(args.kv_head, first), count, tile.key_scales + first % kKeys);
    to_floats<V, DType::float32>(kv.value_scale(args.kv_head, first), count,
                                 tile.value_scales + first % kKeys);
  });
  return {tile.key_scales, tile.value_scales};
}

}  // namespace
}  // namespace tramontane
