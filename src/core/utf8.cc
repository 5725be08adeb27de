#include "core/utf8.h"

#include <cstdint>
#include <cstring>

namespace tramontane {
namespace {

/// A lead byte's promise: the length of its character (0: not a lead byte) and the range of the second byte.
/// Only the second byte's range depends on the lead; it is what excludes overlong forms, surrogates and too
/// large values.
struct Lead {
  std::size_t length;
  unsigned char second_low, second_high;
};

Lead lead(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xc2) return {0, 0, 0};
  if (byte < 0xe0) return {2, 0x80, 0xbf};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte < 0xf0) return {3, 0x80, 0xbf};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4, 0x80, 0xbf};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0, 0, 0};
}

/// Whether the eight bytes at `text` are all ASCII.
bool eight_ascii(const char* text) {
  std::uint64_t word;
  std::memcpy(&word, text, 8);
  return (word & 0x8080808080808080) == 0;
}

}  // namespace

Utf8Head utf8_head(std::string_view bytes) {
  const Lead first = lead(static_cast<unsigned char>(bytes[0]));
  if (first.length == 0) return {Utf8Kind::invalid, 1};
  for (std::size_t i = 1; i < first.length; i++) {
    if (i == bytes.size()) return {Utf8Kind::prefix, i};
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const bool fits = i == 1 ? byte >= first.second_low && byte <= first.second_high : (byte & 0xc0) == 0x80;
    if (!fits) return {Utf8Kind::invalid, 1};
  }
  return {Utf8Kind::character, first.length};
}

std::size_t control_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : ' '; };
  if (at(0) == 0xc2 && at(1) >= 0x80 && at(1) < 0xa0) return 2;
  return at(0) < 0x20 || at(0) == 0x7f ? 1 : 0;
}

std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= 8 && eight_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const Utf8Head head = utf8_head(text.substr(at));
    if (head.kind != Utf8Kind::character) return at;
    at += head.length;
  }
  return std::string_view::npos;
}

}  // namespace tramontane
