#include "tokenizer/tekken_pieces.h"

#include <array>

namespace tramontane {
namespace {

/// What the pattern tells apart.
enum class Kind : unsigned char { other, upper, lower, digit, space, line_end, beyond_ascii, end };

constexpr std::array<Kind, 256> kKinds = [] {
  std::array<Kind, 256> kinds{};
  for (std::size_t byte = 0; byte < 256; byte++) {
    if (byte >= 'A' && byte <= 'Z') kinds[byte] = Kind::upper;
    if (byte >= 'a' && byte <= 'z') kinds[byte] = Kind::lower;
    if (byte >= '0' && byte <= '9') kinds[byte] = Kind::digit;
    if (byte == ' ' || byte == '\t' || byte == '\v' || byte == '\f') kinds[byte] = Kind::space;
    if (byte == '\r' || byte == '\n') kinds[byte] = Kind::line_end;
    if (byte >= 128) kinds[byte] = Kind::beyond_ascii;
  }
  return kinds;
}();

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// The end of the piece that starts the text; 0 where it meets what is not ASCII.
  std::size_t piece_end() const {
    const Kind first = kind(0);
    if (first == Kind::beyond_ascii) return 0;
    if (first == Kind::digit) return 1;
    if (first == Kind::upper || first == Kind::lower) return word_end(0);
    if (first != Kind::line_end) {  // the one other character that may come before a word
      const Kind second = kind(1);
      if (second == Kind::beyond_ascii) return 0;
      if (second == Kind::upper || second == Kind::lower) return word_end(1);
      if (first == Kind::other) return punctuation_end(0);
      if (text_[0] == ' ' && second == Kind::other) return punctuation_end(1);
    }
    return spaces_end();
  }

 private:
  Kind kind(std::size_t at) const {
    return at < text_.size() ? kKinds[static_cast<unsigned char>(text_[at])] : Kind::end;
  }

  /// Capitals, then small letters.
  std::size_t word_end(std::size_t at) const {
    while (kind(at) == Kind::upper) at++;
    while (kind(at) == Kind::lower) at++;
    return kind(at) == Kind::beyond_ascii ? 0 : at;
  }

  /// Then line ends and slashes, where those slashes that come first are punctuation themselves.
  std::size_t punctuation_end(std::size_t at) const {
    while (kind(at) == Kind::other) at++;
    if (kind(at) == Kind::beyond_ascii) return 0;
    while (kind(at) == Kind::line_end || (at < text_.size() && text_[at] == '/')) at++;
    return at;
  }

  /// Up to the last line end among them; else all but the last, which goes with what follows, if anything
  /// does.
  std::size_t spaces_end() const {
    std::size_t at = 0;
    std::size_t after_line_end = 0;
    for (; kind(at) == Kind::space || kind(at) == Kind::line_end; at++) {
      if (kind(at) == Kind::line_end) after_line_end = at + 1;
    }
    if (kind(at) == Kind::beyond_ascii) return 0;  // which may be a space
    if (after_line_end > 0) return after_line_end;
    return kind(at) == Kind::end || at == 1 ? at : at - 1;
  }

  std::string_view text_;
};

}  // namespace

std::size_t tekken_ascii_piece(std::string_view text) { return Scanner(text).piece_end(); }

}  // namespace tramontane
