#include "tokenizer/tekken_pieces.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tokenizer/pattern.h"

namespace tramontane {
namespace {

/// The size of the piece that the pattern itself finds.
std::size_t by_pattern(const Pattern& pattern, std::string_view text) {
  std::size_t size = 0;
  pattern.for_each(text, [&](std::string_view piece, bool) { size = size == 0 ? piece.size() : size; });
  return size;
}

TEST(TekkenPieces, AreThePatternsForEveryTextOfFourCharactersOfEachKind) {
  const Pattern pattern(kTekkenPattern, "p");
  const std::string kinds[] = {"A", "z",     "5", " ", "\t", "\n", "\r", "/", ".", std::string(1, '\0'),
                               "é", "\u00a0"};
  constexpr std::size_t kCount = std::size(kinds);
  for (std::size_t i = 0; i < kCount * kCount * kCount * kCount; i++) {
    std::string text;
    for (std::size_t rest = i; text.size() < 4 || rest > 0; rest /= kCount) text += kinds[rest % kCount];
    const std::size_t size = tekken_ascii_piece(text);
    if (size == 0) {
      EXPECT_NE(text.find_first_of("\xc2\xc3"), std::string::npos) << "ASCII decides: " << text;
    } else {
      ASSERT_EQ(size, by_pattern(pattern, text)) << ::testing::PrintToString(text);
    }
  }
}

TEST(TekkenPieces, AreThePatternsForRandomBytesOfAscii) {
  const Pattern pattern(kTekkenPattern, "p");
  std::mt19937 random(5);
  for (int i = 0; i < 20000; i++) {
    std::string text;
    for (unsigned n = 1 + random() % 12; n > 0; n--) text += static_cast<char>(random() % 128);
    ASSERT_EQ(tekken_ascii_piece(text), by_pattern(pattern, text)) << ::testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace tramontane
