#include "tokenizer/byte_text.h"

#include "core/utf8.h"

namespace tramontane {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// The length of the longest start of a character that `bytes` begin with; 1 where there is none. What
/// follows it, and is there, makes it invalid.
std::size_t start_length(std::string_view bytes) {
  std::size_t length = 1;
  while (length < bytes.size() && utf8_head(bytes.substr(0, length + 1)).kind == Utf8Kind::prefix) length++;
  return length;
}

}  // namespace

void take_characters(std::string& bytes, std::string& text, Replace replace) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const Utf8Head head = utf8_head(rest);
    if (head.kind == Utf8Kind::prefix) break;
    if (head.kind == Utf8Kind::character) {
      text += rest.substr(0, head.length);
      rest.remove_prefix(head.length);
    } else {
      text += kReplacement;
      rest.remove_prefix(replace == Replace::each_byte ? 1 : start_length(rest));
    }
  }
  bytes.erase(0, bytes.size() - rest.size());
}

void take_rest(std::string& bytes, std::string& text, Replace replace) {
  take_characters(bytes, text, replace);
  const std::size_t count = replace == Replace::each_start && !bytes.empty() ? 1 : bytes.size();
  for (std::size_t i = 0; i < count; i++) text += kReplacement;
  bytes.clear();
}

}  // namespace tramontane
