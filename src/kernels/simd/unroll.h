#pragma once

namespace tramontane {
namespace {

template <int i>
struct Index {
  static constexpr int value = i;
};

/// body(Index<0>), ..., body(Index<count - 1>), written out: keeps arrays of vectors in registers with every
/// compiler.
template <int count, int i = 0, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  if constexpr (i < count) {
    body(Index<i>{});
    unroll<count, i + 1>(body);
  }
}

}  // namespace
}  // namespace tramontane
