#include "tokenizer/tekken_pieces.h"

#include <cstdint>
#include <string>

#include "tokenizer/first_character.h"
#include "tokenizer/pattern.h"

namespace tramontane {

enum class TekkenPieces::Kind : unsigned char {
  other,
  upper,  // and title case
  lower,
  letter,  // of no case
  mark,
  number,
  space,  // but for
  line_end,
  end  // of the text
};

namespace {

using Kind = TekkenPieces::Kind;

// The planes 0 to 3 and the start of plane 14 hold all characters that are not Kind::other.
constexpr std::uint32_t kPlanes = 0x40000;
constexpr std::uint32_t kTags = 0xe0000;
constexpr std::uint32_t kTagsEnd = 0xe1000;
constexpr std::size_t kSlots = kPlanes + (kTagsEnd - kTags) + 1;  // the last is of all others

std::size_t slot_of(std::uint32_t character) {
  if (character < kPlanes) return character;
  return character >= kTags && character < kTagsEnd ? kPlanes + (character - kTags) : kSlots - 1;
}

void append_character(std::uint32_t code, std::string& text) {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80U | (code >> shift & 0x3fU)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += {static_cast<char>(0xc0U | code >> 6), tail(0)};
  } else if (code < 0x10000) {
    text += {static_cast<char>(0xe0U | code >> 12), tail(6), tail(0)};
  } else {
    text += {static_cast<char>(0xf0U | code >> 18), tail(12), tail(6), tail(0)};
  }
}

std::string all_characters() {
  std::string text;
  for (std::uint32_t code = 0; code < kTagsEnd; code = code == kPlanes - 1 ? kTags : code + 1) {
    if (code < 0xd800 || code > 0xdfff) append_character(code, text);
  }
  return text;
}

/// Follows the pattern's alternatives from the start of a text.
class Scanner {
 public:
  Scanner(const std::vector<Kind>& kinds, std::string_view text) : kinds_(kinds), text_(text) {}

  std::size_t piece_size() const {
    const Next first = next(0);
    switch (first.kind) {
      case Kind::number:
        return first.end;
      case Kind::upper:
      case Kind::lower:
      case Kind::letter:
      case Kind::mark:
        return word_end(0);
      case Kind::line_end:
        return spaces_end();
      default:  // the one other character that may come before a word
        break;
    }
    if (const std::size_t end = word_end(first.end); end > 0) return end;
    if (first.kind == Kind::other) return punctuation_end(first.end);
    if (text_[0] == ' ' && next(1).kind == Kind::other) return punctuation_end(1);
    return spaces_end();
  }

 private:
  struct Next {
    Kind kind;
    std::size_t end;  // of the character
  };
  Next next(std::size_t at) const {
    if (at >= text_.size()) return {Kind::end, at};
    const Character character = first_character(text_.substr(at));
    return {kinds_[slot_of(character.code)], at + character.size};
  }

  static bool may_be_upper(Kind kind) {
    return kind == Kind::upper || kind == Kind::letter || kind == Kind::mark;
  }
  static bool may_be_lower(Kind kind) {
    return kind == Kind::lower || kind == Kind::letter || kind == Kind::mark;
  }

  /// The first two alternatives: characters that may be capitals, then such that may be small letters, at
  /// least one; where no small letter follows, one without a case takes that part, the last of them. Or else
  /// capitals alone. 0: neither is there.
  std::size_t word_end(std::size_t at) const {
    const std::size_t begin = at;
    std::size_t after_caseless = 0;
    Next character = next(at);
    for (; may_be_upper(character.kind); character = next(at)) {
      at = character.end;
      if (character.kind != Kind::upper) after_caseless = at;
    }
    if (character.kind == Kind::lower) {
      for (; may_be_lower(character.kind); character = next(at)) at = character.end;
      return at;
    }
    if (after_caseless > 0) return after_caseless;
    return at > begin ? at : 0;
  }

  /// Then line ends and slashes, where those slashes that come first are punctuation themselves.
  std::size_t punctuation_end(std::size_t at) const {
    Next character = next(at);
    for (; character.kind == Kind::other || character.kind == Kind::mark; character = next(at)) {
      at = character.end;
    }
    while (at < text_.size() && (text_[at] == '\r' || text_[at] == '\n' || text_[at] == '/')) at++;
    return at;
  }

  /// Up to the last line end among them; else all but the last, which goes with what follows, if anything
  /// does.
  std::size_t spaces_end() const {
    std::size_t at = 0;
    std::size_t last = 0;  // where the last space starts
    std::size_t after_line_end = 0;
    Next character = next(at);
    for (; character.kind == Kind::space || character.kind == Kind::line_end; character = next(at)) {
      last = at;
      at = character.end;
      if (character.kind == Kind::line_end) after_line_end = at;
    }
    if (after_line_end > 0) return after_line_end;
    return character.kind == Kind::end || last == 0 ? at : last;
  }

  const std::vector<Kind>& kinds_;
  std::string_view text_;
};

}  // namespace

TekkenPieces::TekkenPieces() : kinds_(kSlots, Kind::other) {
  const std::string text = all_characters();
  const auto set = [&](const char* expression, Kind kind) {
    Pattern(expression, "kTekkenPattern").for_each(text, [&](std::string_view run, bool is_match) {
      while (is_match && !run.empty()) {
        const Character character = first_character(run);
        kinds_[slot_of(character.code)] = kind;
        run.remove_prefix(character.size);
      }
    });
  };
  set("[\\p{Lu}\\p{Lt}]+", Kind::upper);
  set("\\p{Ll}+", Kind::lower);
  set("[\\p{Lm}\\p{Lo}]+", Kind::letter);
  set("\\p{M}+", Kind::mark);
  set("\\p{N}+", Kind::number);
  set("\\s+", Kind::space);
  set("[\\r\\n]+", Kind::line_end);
}

std::size_t TekkenPieces::first_size(std::string_view text) const {
  return Scanner(kinds_, text).piece_size();
}

}  // namespace tramontane
