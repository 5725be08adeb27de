#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

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

/// Finds the pieces of kTekkenPattern several times as fast as the pattern, and the same. Immutable, so safe
/// to use from several threads at once.
class TekkenPieces {
 public:
  TekkenPieces();

  /// Hands the pieces of `text`, which is valid UTF-8 and of which they leave out nothing, to `take`.
  template <class Take>
  void for_each(std::string_view text, const Take& take) const {
    while (!text.empty()) {
      const std::size_t size = first_size(text);
      take(text.substr(0, size));
      text.remove_prefix(size);
    }
  }

  /// The size of the piece that starts `text`, which is valid UTF-8 and not empty.
  std::size_t first_size(std::string_view text) const;

  enum class Kind : unsigned char;  // what the pattern tells apart

 private:
  std::vector<Kind> kinds_;  // of characters, by their slot
};

}  // namespace tramontane
