#pragma once
#include <cstddef>
#include <string_view>

namespace tramontane {

/// The pattern of all of Mistral's tekken.json so far.
constexpr std::string_view kTekkenPattern =
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+"
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*"
    "|\\p{N}"
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*"
    "|\\s*[\\r\\n]+"
    "|\\s+(?!\\S)"
    "|\\s+";

/// The size of the piece that kTekkenPattern matches at the start of `text`, when ASCII alone decides it; 0
/// where it takes the pattern itself to tell. Several times as fast as the pattern.
std::size_t tekken_ascii_piece(std::string_view text);

}  // namespace tramontane
