#include "kernels/peaks.h"

namespace tramontane {
namespace {

constexpr int kChains = 8;

/// Hides from the compiler what an integer holds, so that it can neither fold the products nor make vectors.
void hide(int& value) { asm volatile("" : "+r"(value)); }

double int_loop(std::int64_t rounds) {
  int sums[kChains] = {};
  for (std::int64_t round = 0; round < rounds; round++) {
    for (int& sum : sums) {
      int x = 63;
      hide(x);
      sum += x * x;
      hide(sum);
    }
  }
  return 2.0 * kChains * static_cast<double>(rounds);
}

double float_loop(std::int64_t rounds) {
  constexpr int lanes = 32;  // what a baseline compiler makes of plain loops: a few vectors of 4
  float sums[lanes] = {};
  for (std::int64_t round = 0; round < rounds; round++) {
    for (float& sum : sums) sum = sum * 0.5F + 1.0F;
    asm volatile("" : : "r"(sums) : "memory");
  }
  return 2.0 * lanes * static_cast<double>(rounds);
}

void read(const std::byte* data, std::int64_t lines) {
  const auto* words = reinterpret_cast<const volatile std::uint64_t*>(data);
  for (std::int64_t i = 0; i < lines * 8; i++) static_cast<void>(words[i]);
}

}  // namespace

constinit const PeakLoops scalar_peaks = {
    .int8 = int_loop,
    .int16 = int_loop,
    .int8_dots = nullptr,
    .int16_dots = nullptr,
    .float32 = float_loop,
    .read = read,
};

}  // namespace tramontane
