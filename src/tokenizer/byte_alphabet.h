#pragma once
#include <optional>
#include <string>
#include <string_view>

// The letters that stand for bytes in a byte-level tokenizer.json: printable Latin-1 for itself, and U+0100
// onwards, in order, for the bytes that have no such character ("Ġ" for the space).
namespace tramontane {

/// The letter of a byte, in UTF-8.
std::string byte_letter(unsigned char byte);

/// The bytes that `letters`, valid UTF-8, stand for; none when any of its characters is no such letter.
std::optional<std::string> bytes_of_letters(std::string_view letters);

}  // namespace tramontane
