#pragma once
#include <cstddef>
#include <cstdint>

#include "tramontane/dtype.h"

namespace tramontane {
namespace {

/// How much of a vector exists in memory: all of it, or the first n lanes. Nothing else is read or written;
/// lanes that do not exist are loaded as zero.
template <class V>
struct Whole {
  template <DType dtype = DType::float32>
  V load(const void* p) const {
    return V::template load<dtype>(p);
  }
  void store(V v, float* p) const { v.store(p); }
  void store_float16(V v, std::byte* p) const { v.store_float16(p); }
};

template <class V>
struct Part {
  std::int64_t n;

  template <DType dtype = DType::float32>
  V load(const void* p) const {
    return V::template load<dtype>(p, n);
  }
  void store(V v, float* p) const { v.store(p, n); }
  void store_float16(V v, std::byte* p) const { v.store_float16(p, n); }
};

/// body(i, part) for each vector of [0, count), starting at i.
template <class V, class Body>
[[gnu::always_inline]] inline void for_each_vector(std::int64_t count, Body&& body) {
  std::int64_t i = 0;
  for (; i + V::lanes <= count; i += V::lanes) body(i, Whole<V>{});
  if (i < count) body(i, Part<V>{count - i});
}

}  // namespace
}  // namespace tramontane
