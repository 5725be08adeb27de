#include "tokenizer/byte_alphabet.h"

#include <array>

namespace tramontane {
namespace {

constexpr std::size_t kLetters = 0x144;  // all are below
constexpr int kNone = -1;

struct Alphabet {
  std::array<char32_t, 256> letters{};
  std::array<int, kLetters> bytes{};
};

constexpr bool stands_for_itself(std::size_t byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xff && byte != 0xad);
}

constexpr Alphabet kAlphabet = [] {
  Alphabet alphabet;
  alphabet.bytes.fill(kNone);
  char32_t next = 0x100;
  for (std::size_t byte = 0; byte < 256; byte++) {
    const char32_t letter = stands_for_itself(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.letters[byte] = letter;
    alphabet.bytes[letter] = static_cast<int>(byte);
  }
  return alphabet;
}();

}  // namespace

std::string byte_letter(unsigned char byte) {
  const char32_t letter = kAlphabet.letters[byte];
  if (letter < 0x80) return std::string(1, static_cast<char>(letter));
  return {static_cast<char>(0xc0U | letter >> 6), static_cast<char>(0x80U | (letter & 0x3fU))};
}

std::optional<std::string> bytes_of_letters(std::string_view letters) {
  std::string bytes;
  for (std::size_t at = 0; at < letters.size(); at++) {
    const auto lead = static_cast<unsigned char>(letters[at]);
    std::size_t letter = lead;
    if (lead >= 0xe0) return std::nullopt;  // three bytes or four, all beyond
    if (lead >= 0x80) letter = (lead & 0x1fU) << 6 | (static_cast<unsigned char>(letters[++at]) & 0x3fU);
    if (letter >= kLetters || kAlphabet.bytes[letter] == kNone) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.bytes[letter]);
  }
  return bytes;
}

}  // namespace tramontane
