#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/simd/math.h"
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

/// The scale of a quantisation block: see Kernels::store.
template <class V>
float scale_of(const float* x, std::int64_t count) {
  V most = V::zero();
  V unsound = V::zero();  // NaN where x is not finite
  for_each_vector<V>(count, [&](std::int64_t i, auto part) {
    const V v = part.load(x + i);
    most = V::max(most, V::max(v, V::zero() - v));
    unsound = V::fma(v, V::zero(), unsound);
  });
  const float scale = V::greatest(most) / 127 + sum(unsound);
  return scale < __FLT_MIN__ ? 0 : scale;
}

/// body(i, bytes, count) for each vector of x as integers, from element i.
template <class V, class Body>
void quantize(const float* x, std::int64_t count, float scale, Body&& body) {
  const bool usable = scale > 0;  // neither 0 nor NaN
  const V divisor = V::set(scale);
  for_each_vector<V>(count, [&](std::int64_t i, auto part) {
    std::byte some[V::lanes];
    (usable ? part.load(x + i) / divisor : V::zero()).store_int8(some);
    body(i, some, count - i < V::lanes ? count - i : V::lanes);
  });
}

template <class V>
void store_int8(const float* key, const float* value, const KvView& kv, KvPlace place) {
  const float key_scale = scale_of<V>(key, kv.head_dim);
  quantize<V>(key, kv.head_dim, key_scale, [&](std::int64_t d, const std::byte* some, std::int64_t count) {
    scatter<1>(some, count, kv.block_tokens, kv.key(place.kv_head, place.position, d));
  });
  const float value_scale = scale_of<V>(value, kv.head_dim);
  std::byte* values = kv.value(place.kv_head, place.position);
  quantize<V>(value, kv.head_dim, value_scale,
              [&](std::int64_t d, const std::byte* some, std::int64_t count) {
                std::memcpy(values + d, some, static_cast<std::size_t>(count));
              });
  std::memcpy(kv.key_scale(place.kv_head, place.position), &key_scale, sizeof key_scale);
  std::memcpy(kv.value_scale(place.kv_head, place.position), &value_scale, sizeof value_scale);
}

template <class V>
void store(const float* key, const float* value, const KvView& kv, KvPlace place) {
  if (kv.dtype == DType::float16) return store_float16<V>(key, value, kv, place);
  if (kv.dtype == DType::int8) return store_int8<V>(key, value, kv, place);
  scatter<4>(reinterpret_cast<const std::byte*>(key), kv.head_dim, kv.block_tokens,
             kv.key(place.kv_head, place.position, 0));
  std::memcpy(kv.value(place.kv_head, place.position), value, static_cast<std::size_t>(kv.head_dim) * 4);
}

}  // namespace
}  // namespace tramontane
