#pragma once
#include <string>
#include <string_view>

// Bytes that arrive piece by piece become text: characters as soon as they are whole, U+FFFD for what can
// never become one.
namespace tramontane {

/// What stands as one U+FFFD: each byte, as SentencePiece does it; or each longest start of a character, as
/// the Unicode standard recommends and Python and Rust do.
enum class Replace { each_byte, each_start };

/// Moves all that is certain from `bytes` to the end of `text`, and leaves a start of a character, at most
/// three bytes.
void take_characters(std::string& bytes, std::string& text, Replace replace);

/// What ends a run of bytes: those that take_characters left never become a character.
void take_rest(std::string& bytes, std::string& text, Replace replace);

}  // namespace tramontane
