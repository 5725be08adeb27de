#include "tokenizer/tekken_pieces.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tokenizer/pattern.h"

namespace tramontane {
namespace {

using Strings = std::vector<std::string>;

class TekkenPiecesTest : public ::testing::Test {
 protected:
  /// What the pattern itself finds.
  Strings by_pattern(const std::string& text) const {
    Strings found;
    pattern.for_each(text, [&](std::string_view piece, bool) { found.emplace_back(piece); });
    return found;
  }

  Strings by_scanner(std::string_view text) const {
    Strings found;
    while (!text.empty()) {
      found.emplace_back(text.substr(0, pieces.first_size(text)));
      text.remove_prefix(found.back().size());
    }
    return found;
  }

  Pattern pattern{kTekkenPattern, "p"};
  TekkenPieces pieces;
};

// Of each kind that the pattern tells apart, in several sizes.
const Strings kKinds = {"A",          "ǅ",  "z", "é", "ª",  "漢",     "\u0301",
                        "\U000E0100", "5",  "²", " ", "\t", "\u00a0", "\u3000",
                        "\n",         "\r", "/", ".", "…",  "😀",     std::string(1, '\0')};

TEST_F(TekkenPiecesTest, AreThePatternsForEveryTextOfFourCharactersOfEachKind) {
  const std::size_t count = kKinds.size();
  for (std::size_t i = 0; i < count * count * count * count; i++) {
    std::string text;
    for (std::size_t rest = i, left = 4; left > 0; left--, rest /= count) text += kKinds[rest % count];
    ASSERT_EQ(by_scanner(text), by_pattern(text)) << ::testing::PrintToString(text);
  }
}

TEST_F(TekkenPiecesTest, AreThePatternsForRandomTexts) {
  std::mt19937 random(5);
  for (int i = 0; i < 20000; i++) {
    std::string text;
    for (unsigned n = 1 + random() % 30; n > 0; n--) {
      text += random() % 2 == 0 ? std::string(1, static_cast<char>(random() % 128))
                                : kKinds[random() % kKinds.size()];
    }
    ASSERT_EQ(by_scanner(text), by_pattern(text)) << ::testing::PrintToString(text);
  }
}

TEST_F(TekkenPiecesTest, SortEveryCharacterAsThePatternDoes) {
  const auto tail = [](unsigned bits) { return static_cast<char>(0x80U | (bits & 0x3fU)); };
  std::string text;  // each character before, between and after letters
  for (unsigned code = 0; code < 0x110000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    std::string character;
    if (code < 0x80) {
      character = {static_cast<char>(code)};
    } else if (code < 0x800) {
      character = {static_cast<char>(0xc0U | code >> 6), tail(code)};
    } else if (code < 0x10000) {
      character = {static_cast<char>(0xe0U | code >> 12), tail(code >> 6), tail(code)};
    } else {
      character = {static_cast<char>(0xf0U | code >> 18), tail(code >> 12), tail(code >> 6), tail(code)};
    }
    text += character + "aA" + character + "a." + character + "\n";
    if (code % 0x8000 == 0x7fff || code == 0x10ffff) {
      ASSERT_EQ(by_scanner(text), by_pattern(text)) << "before " << code;
      text.clear();
    }
  }
}

}  // namespace
}  // namespace tramontane
