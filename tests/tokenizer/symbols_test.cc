#include "tokenizer/symbols.h"

#include <gtest/gtest.h>

#include <random>

namespace tramontane {
namespace {

TEST(Symbols, FindTheFirstAndOfThoseThatStartThereTheLongest) {
  const Symbols symbols({"[REF]", "[REFERENCE]", "[REF", "é"});
  EXPECT_EQ(symbols.find("a [REF] [REFERENCE]").symbol, "[REF]");
  EXPECT_EQ(symbols.find("a [REF] ").begin, 2U);
  EXPECT_EQ(symbols.find("[REFERENCE]").symbol, "[REFERENCE]");
  EXPECT_EQ(symbols.find("[REFERENCE").symbol, "[REF");
  EXPECT_EQ(symbols.find("aé[").begin, 1U);
  EXPECT_EQ(symbols.find("[RE").begin, 3U);
  EXPECT_EQ(symbols.find("").begin, 0U);
  EXPECT_TRUE(Symbols({}).find("a").symbol.empty());
}

TEST(Symbols, AreThoseThatALookAtEachFinds) {
  std::mt19937 random(4);
  const auto random_text = [&](unsigned longest) {
    std::string text;
    for (unsigned n = 1 + random() % longest; n > 0; n--) text += static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 2000; round++) {
    std::vector<std::string> all;
    for (unsigned n = random() % 8; n > 0; n--) all.push_back(random_text(6));
    const std::string text = random_text(12) + "c";
    Symbols::Found expected{text.size(), {}};
    for (std::size_t at = 0; at < text.size() && expected.symbol.empty(); at++) {
      for (const std::string& symbol : all) {
        if (text.compare(at, symbol.size(), symbol) == 0 && symbol.size() > expected.symbol.size()) {
          expected = {at, symbol};
        }
      }
    }
    const Symbols symbols(all);
    const auto found = symbols.find(text);
    ASSERT_EQ(found.begin, expected.begin) << ::testing::PrintToString(all) << text;
    ASSERT_EQ(found.symbol, expected.symbol) << ::testing::PrintToString(all) << text;
  }
}

}  // namespace
}  // namespace tramontane
