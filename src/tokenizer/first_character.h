#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tramontane {

/// A character and its size in UTF-8.
struct Character {
  std::uint32_t code;
  std::size_t size;  // bytes
};

/// Of a text that is valid UTF-8 and not empty.
inline Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(text[at])}; };
  const auto tail = [&](std::size_t at) { return byte(at) & 0x3fU; };
  if (byte(0) < 0x80) return {byte(0), 1};
  if (byte(0) < 0xe0) return {(byte(0) & 0x1fU) << 6 | tail(1), 2};
  if (byte(0) < 0xf0) return {(byte(0) & 0x0fU) << 12 | tail(1) << 6 | tail(2), 3};
  return {(byte(0) & 0x07U) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4};
}

}  // namespace tramontane
