#pragma once
#include <cstdint>

#include "kernels/peaks.h"
#include "kernels/simd/unroll.h"

// The loops of peaks.h over one set of vector instructions. `Isa` gives Vector, chains (how many accumulators
// fit in the registers beside the operands), fill (all bytes the same), read_line and the steps. All are
// inline assembly: a compiler would fold products of constants and drop loads that nobody uses.
namespace tramontane {
namespace {

// In every byte of the operands: 63 in int8, 0.75 in float32, and no step saturates or turns denormal.
constexpr char kOperandByte = 0x3f;

/// Step::apply(accumulator, operand) multiplies operand with itself and adds Step::elements products.
template <class Isa, class Step>
double peak_loop(std::int64_t rounds) {
  constexpr int repeats = 4;  // of all chains in a round, so that the loop itself costs nothing
  using Vector = typename Isa::Vector;
  const Vector operand = Isa::fill(kOperandByte);
  Vector chain[Isa::chains];
  unroll<Isa::chains>([&](auto i) { chain[i.value] = operand; });
  for (std::int64_t round = 0; round < rounds; round++) {
    unroll<repeats>([&](auto) __attribute__((always_inline)) {
      unroll<Isa::chains>([&](auto i)
                              __attribute__((always_inline)) { Step::apply(chain[i.value], operand); });
    });
  }
  return 2.0 * Step::elements * Isa::chains * repeats * static_cast<double>(rounds);
}

/// In several streams, which keeps more of the hardware's prefetchers and of the memory's banks busy than
/// one.
template <class Isa>
void read_loop(const std::byte* data, std::int64_t lines) {
  constexpr int streams = 4;
  const std::int64_t part = lines / streams;
  for (std::int64_t line = 0; line < part; line++) {
    unroll<streams>(
        [&](auto i) __attribute__((always_inline)) { Isa::read_line(data + (i.value * part + line) * 64); });
  }
}

}  // namespace
}  // namespace tramontane
