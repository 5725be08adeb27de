#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/simd/parts.h"

// Keys and values into the cache.
namespace tramontane {
namespace {

/// The elements of `size` bytes at `in`, each `stride` elements after the one before.
template <std::size_t size>
void scatter(const std::byte* in, std::int64_t count, std::int64_t stride, std::byte* out) {
  const std::ptrdiff_t step = stride * static_cast<std::ptrdiff_t>(size);
  for (std::int64_t i = 0; i < count; ++i, in += size, out += step) std::memcpy(out, in, size);
}

template <class V>
void store_float16(const float* key, const float* value, const KvView& kv, KvPlace place) {
  std::byte* values = kv.value(place.kv_head, place.position);
  for_each_vector<V>(kv.head_dim, [&](std::int64_t d, auto part) {
    std::byte some[V::lanes * 2];
    part.load(key + d).store_float16(some);
    const std::int64_t left = kv.head_dim - d;
    scatter<2>(some, left < V::lanes ? left : V::lanes, kv.block_tokens,
               kv.key(place.kv_head, place.position, d));
    part.store_float16(part.load(value + d), values + d * 2);
  });
}

template <class V>
void store(const float* key, const float* value, const KvView& kv, KvPlace place) {
  if (kv.dtype == DType::float16) {
    store_float16<V>(key, value, kv, place);
    return;
  }
  scatter<4>(reinterpret_cast<const std::byte*>(key), kv.head_dim, kv.block_tokens,
             kv.key(place.kv_head, place.position, 0));
  std::memcpy(kv.value(place.kv_head, place.position), value, static_cast<std::size_t>(kv.head_dim) * 4);
}

}  // namespace
}  // namespace tramontane
