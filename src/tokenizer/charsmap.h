#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tramontane {

/// What is wrong with a precompiled_charsmap, the normalisation rules of a SentencePiece model; nothing when
/// the library can follow it safely for every text. The library walks the map without looking at its size, so
/// everything that it can reach is proven here to lie inside, and every walk to be short.
///
/// Layout: the size of the trie in bytes (uint32, little-endian); the trie, a double array of uint32 units;
/// the replacements, each ended by NUL, to which the trie's values are byte offsets.
std::optional<std::string> find_charsmap_fault(std::string_view map);

}  // namespace tramontane
