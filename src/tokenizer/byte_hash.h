#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tramontane {

/// Most places that a table looks at for one entry: no training makes so many that collide, only an attack
/// on the time that loading takes.
constexpr std::size_t kLongestProbe = 1024;

/// A hash of all bits of `value` whose upper bits are its best.
inline std::uint64_t mix_bits(std::uint64_t value) {
  value *= 0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio
  return value ^ (value >> 32);
}

/// A hash of few bytes, for tables that compare what they find: words have eight on average, for which
/// std::hash takes several times as long.
inline std::uint64_t hash_bytes(std::string_view bytes) {
  const auto load = [&](std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at, size);
    return value;
  };
  const std::size_t size = bytes.size();
  std::uint64_t hash = mix_bits(size);
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) hash = mix_bits(hash ^ load(at, 8));
    return mix_bits(mix_bits(hash ^ load(size - 8, 8)));  // which may overlap the last
  }
  if (size >= 4) return mix_bits(mix_bits(hash ^ (load(0, 4) << 32 | load(size - 4, 4))));
  for (const char byte : bytes) hash = hash << 8 ^ static_cast<unsigned char>(byte);
  return mix_bits(mix_bits(hash));
}

}  // namespace tramontane
