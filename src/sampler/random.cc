#include "sampler/random.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace tramontane::random {
namespace {

using Block = std::array<std::uint32_t, 2>;

Block threefry2x32(const Key& key, Block x) {
  constexpr std::uint32_t parity = 0x1bd11bda;
  constexpr int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const std::array<std::uint32_t, 3> schedule = {key[0], key[1], key[0] ^ key[1] ^ parity};

  x[0] += schedule[0];
  x[1] += schedule[1];
  for (std::uint32_t injection = 1; injection <= 5; ++injection) {
    for (const int rotation : rotations[(injection - 1) % 2]) {
      x[0] += x[1];
      x[1] = std::rotl(x[1], rotation) ^ x[0];
    }
    x[0] += schedule[injection % 3];
    x[1] += schedule[(injection + 1) % 3] + injection;
  }
  return x;
}

/// Element `index` of `size` random words: the counter (i, half + i) yields elements i and half + i, and an
/// odd last pair is completed with a zero.
std::uint32_t word(const Key& key, std::uint32_t index, std::uint32_t size) {
  const std::uint32_t pairs = size / 2;
  const std::uint32_t odd = size % 2;
  if (odd != 0 && index == pairs) return threefry2x32(key, {index, 0})[0];
  if (index < pairs) return threefry2x32(key, {index, index + pairs + odd})[0];
  return threefry2x32(key, {index - pairs - odd, index})[1];
}

float to_unit(std::uint32_t word) {
  constexpr float below_one = 0x1.fffffep-1f;
  return std::min(static_cast<float>(word) / 0x1p32f, below_one);
}

}  // namespace

Key key(std::uint64_t seed) {
  return {static_cast<std::uint32_t>(seed >> 32), static_cast<std::uint32_t>(seed)};
}

std::pair<Key, Key> split(const Key& key) {
  std::array<Key, 2> halves;
  split(key, halves);
  return {halves[0], halves[1]};
}

void split(const Key& key, std::span<Key> out) {
  const auto size = static_cast<std::uint32_t>(2 * out.size());
  for (std::uint32_t i = 0; i < size; ++i) out[i / 2][i % 2] = word(key, i, size);
}

void bits(const Key& key, std::span<std::uint32_t> out) {
  const auto size = static_cast<std::uint32_t>(out.size());
  for (std::uint32_t i = 0; i < size; ++i) out[i] = word(key, i, size);
}

void uniform(const Key& key, std::span<float> out) {
  const auto size = static_cast<std::uint32_t>(out.size());
  for (std::uint32_t i = 0; i < size; ++i) out[i] = to_unit(word(key, i, size));
}

float uniform(const Key& key) { return to_unit(word(key, 0, 1)); }

}  // namespace tramontane::random
