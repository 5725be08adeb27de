#include "tokenizer/newer_unicode.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace tramontane {
namespace {

struct Range {
  char32_t first, last, older;
};

// Sorted; none has fewer than three bytes. Made by tools/tokenizer/make_newer_unicode.py.
constexpr Range kNewer[] = {
#include "tokenizer/newer_characters.inc"
};

/// The range that holds `character`; null when there is none.
const Range* range_of(char32_t character) {
  const Range* range = std::lower_bound(std::begin(kNewer), std::end(kNewer), character,
                                        [](const Range& r, char32_t c) { return r.last < c; });
  return range != std::end(kNewer) && character >= range->first ? range : nullptr;
}

/// The character of three or four bytes at `at`.
char32_t character_at(std::string_view text, std::size_t at, std::size_t length) {
  char32_t value = static_cast<unsigned char>(text[at]) & (length == 3 ? 0x0fU : 0x07U);
  for (std::size_t i = 1; i < length; i++)
    value = value << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
  return value;
}

void put_character(char32_t character, std::size_t length, char* out) {
  for (std::size_t i = length - 1; i > 0; i--) {
    out[i] = static_cast<char>(0x80U | (character & 0x3fU));
    character >>= 6;
  }
  out[0] = static_cast<char>((length == 3 ? 0xe0U : 0xf0U) | character);
}

}  // namespace

std::string with_older_characters(std::string_view text) {
  std::string older;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0xe0) {
      at++;  // and the second byte of two, which is below 0xe0 too
      continue;
    }
    const std::size_t length = lead < 0xf0 ? 3 : 4;
    if (const Range* range = range_of(character_at(text, at, length))) {
      if (older.empty()) older = text;
      put_character(range->older, length, older.data() + at);
    }
    at += length;
  }
  return older;
}

}  // namespace tramontane
