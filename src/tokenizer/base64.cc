#include "tokenizer/base64.h"

#include <cstdint>

namespace tramontane {
namespace {

/// The six bits that a digit stands for; -1 for another character.
int digit_value(char digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '+') return 62;
  return digit == '/' ? 63 : -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && text.ends_with('='); i++) text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;  // of the bits that wait
  for (const char digit : text) {
    const int value = digit_value(digit);
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> count & 0xff);
    }
  }
  const bool rest = (bits & ((1U << count) - 1)) != 0 || count == 6;  // bits that make no byte
  return rest ? std::nullopt : std::optional(bytes);
}

}  // namespace tramontane
