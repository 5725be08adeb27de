#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

// Packed integers of `bits` bits, in little-endian bit order, from and to one byte each. Eight at a time, as
// the bytes of a 64-bit word that is folded: neighbours move together, then pairs, then fours.
namespace tramontane {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

/// The low `width` bits of every second lane.
template <int lane, int width>
constexpr std::uint64_t even_lanes() {
  std::uint64_t mask = 0;
  for (int at = 0; at < 64; at += 2 * lane) mask |= (~std::uint64_t{0} >> (64 - width)) << at;
  return mask;
}

/// Lanes that hold `width` bits: moves every odd one next to the even one below it.
template <int lane, int width>
std::uint64_t close_up(std::uint64_t word) {
  constexpr std::uint64_t even = even_lanes<lane, width>();
  return (word & even) | (word >> (lane - width) & even << width);
}

template <int lane, int width>
std::uint64_t spread(std::uint64_t word) {
  constexpr std::uint64_t even = even_lanes<lane, width>();
  return (word & even) | (word << (lane - width) & even << lane);
}

/// n codes, a multiple of 8, to n * bits / 8 bytes.
template <int bits>
void pack(const std::uint8_t* codes, int n, std::byte* out) {
  for (int i = 0; i < n; i += 8, out += bits) {
    std::uint64_t word;
    std::memcpy(&word, codes + i, 8);
    if constexpr (bits < 8) {
      word = close_up<8, bits>(word);
      word = close_up<16, 2 * bits>(word);
      word = close_up<32, 4 * bits>(word);
    }
    std::memcpy(out, &word, bits);
  }
}

template <int bits>
void unpack(const std::byte* in, int n, std::uint8_t* codes) {
  for (int i = 0; i < n; i += 8, in += bits) {
    std::uint64_t word = 0;
    std::memcpy(&word, in, bits);
    if constexpr (bits < 8) {
      word = spread<32, 4 * bits>(word);
      word = spread<16, 2 * bits>(word);
      word = spread<8, bits>(word);
    }
    std::memcpy(codes + i, &word, 8);
  }
}

}  // namespace
}  // namespace tramontane
