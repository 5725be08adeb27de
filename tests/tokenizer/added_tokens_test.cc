#include "tokenizer/added_tokens.h"

#include <gtest/gtest.h>

namespace tramontane {
namespace {

AddedToken token(const char* content, TokenId id) {
  AddedToken made;
  made.content = content;
  made.id = id;
  return made;
}

using Parts = std::vector<std::pair<std::string, TokenId>>;

Parts parts(const AddedTokens& tokens, std::string_view text) {
  Parts found;
  tokens.for_each(text, [&](std::string_view part, TokenId id) { found.emplace_back(part, id); });
  return found;
}

TEST(AddedTokens, TakeTheLeftmostAndOfTheseTheLongest) {
  const AddedTokens tokens({token("ab", 1), token("abc", 2), token("bcd", 3), token("ab", 4)});
  EXPECT_EQ(parts(tokens, "xabcdab"), (Parts{{"x", -1}, {"abc", 2}, {"d", -1}, {"ab", 1}}));
  EXPECT_EQ(parts(tokens, ""), Parts());
  EXPECT_EQ(parts(tokens, "a"), (Parts{{"a", -1}}));
}

TEST(AddedTokens, LeaveSpecialOnesAsTextThatHidesWhatOverlaps) {
  AddedToken special = token("<s>", 1);
  special.special = true;
  const AddedTokens tokens({special, token("s>", 2)});
  EXPECT_EQ(parts(tokens, "a<s>s>"), (Parts{{"a<s>", -1}, {"s>", 2}}));
}

TEST(AddedTokens, TakeTheWhiteSpaceAboutThem) {
  AddedToken both = token("<x>", 1);
  both.lstrip = both.rstrip = true;
  EXPECT_EQ(parts(AddedTokens({both}), "a \u3000<x>\n\u00a0 b<x><x> "),
            (Parts{{"a", -1}, {" \u3000<x>\n\u00a0 ", 1}, {"b", -1}, {"<x>", 1}, {"<x> ", 1}}));
}

TEST(AddedTokens, MayHaveToBeWholeWords) {
  AddedToken word = token("é", 1);
  word.single_word = true;
  EXPECT_EQ(parts(AddedTokens({word}), "é.éa_é é\u0301 é"),
            (Parts{{"é", 1}, {".éa_é é\u0301 ", -1}, {"é", 1}}));
}

TEST(AddedTokens, TakeRunsOfWhiteSpaceInLinearTime) {
  AddedToken space = token(" ", 1);
  space.rstrip = true;
  const std::string text(1 << 20, ' ');
  std::size_t count = 0;
  AddedTokens({space}).for_each(text, [&](std::string_view, TokenId id) { count += id == 1 ? 1 : 0; });
  EXPECT_EQ(count, text.size()) << "each is found, as tokenizers does it";
}

}  // namespace
}  // namespace tramontane
