#pragma once
#include <cstddef>
#include <string_view>

// Strict UTF-8, as table 3-7 of the Unicode standard defines it: no overlong forms, no surrogates, nothing
// above U+10FFFF.
namespace tramontane {

enum class Utf8Kind {
  character,  // a whole, valid character
  prefix,     // all the bytes there are, and more bytes could make them a character
  invalid,    // no bytes to come make the first byte part of a character
};

struct Utf8Head {
  Utf8Kind kind;
  std::size_t length;  // bytes: of the character, of the prefix, or 1
};

/// What `bytes`, which are not empty, start with.
Utf8Head utf8_head(std::string_view bytes);

/// The bytes of the control character that `text` starts with; 0: with another, or with none. C1 controls, of
/// two bytes, count: to some terminals U+009B is what ESC [ is.
std::size_t control_length(std::string_view text);

/// The offset of the first byte that is not part of a valid character; npos when all of `text` is UTF-8.
std::size_t find_invalid_utf8(std::string_view text);

}  // namespace tramontane
