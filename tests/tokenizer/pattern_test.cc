#include "tokenizer/pattern.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/error_of.h"

namespace tramontane {
namespace {

using Strings = std::vector<std::string>;
using testing::error_of;

/// The matches, and in brackets what lies between.
Strings pieces(const char* expression, std::string_view text) {
  Strings found;
  Pattern(expression, "p").for_each(text, [&](std::string_view piece, bool is_match) {
    found.push_back(is_match ? std::string(piece) : "[" + std::string(piece) + "]");
  });
  return found;
}

TEST(Pattern, HandsOutMatchesAndWhatLiesBetween) {
  EXPECT_EQ(pieces("\\p{L}+|\\p{N}", "ab12 é"), (Strings{"ab", "1", "2", "[ ]", "é"}));
  EXPECT_EQ(pieces("\\p{L}+", "12"), (Strings{"[12]"}));
  EXPECT_EQ(pieces("\\p{L}+", ""), Strings());
}

TEST(Pattern, KnowsCharactersThatAreYoungerThanItsTables) {
  EXPECT_EQ(pieces("\\p{Lu}+", "A\u1C89"), (Strings{"A\u1C89"}));        // Unicode 16
  EXPECT_EQ(pieces("\\p{Lo}+", "\U0002EBF0"), (Strings{"\U0002EBF0"}));  // Unicode 15.1
  EXPECT_EQ(pieces("\\p{Nd}", "\U00011F50"), (Strings{"\U00011F50"}));   // Unicode 15
  EXPECT_EQ(pieces("\\s+", " \u180e\u3000"), (Strings{" ", "[\u180e]", "\u3000"}));
}

TEST(Pattern, RefusesWhatIsNoExpression) {
  EXPECT_EQ(error_of([] { Pattern("a(", "tekken.json"); }),
            "tekken.json: expected a regular expression, found 'a(': missing closing parenthesis at byte 2");
  EXPECT_TRUE(error_of([] { Pattern(std::string(5000, 'a'), "p"); }).ends_with(": 5000 bytes"));
  EXPECT_NE(error_of([] { Pattern("\\C", "p"); }), "") << "half a character";
}

TEST(Pattern, RefusesEmptyMatches) {
  EXPECT_EQ(error_of([] { pieces("a*", "b"); }), "p: expected an expression that matches no empty text");
}

TEST(Pattern, RefusesToBacktrackWithoutEnd) {
  const std::string text = std::string(40, 'a') + "bc";
  EXPECT_EQ(error_of([&] { pieces("(a|aa)+c", text); }),
            "p: the expression cannot be followed in this text: match limit exceeded");
}

}  // namespace
}  // namespace tramontane
