#include "tokenizer/portable_pattern.h"

#include <gtest/gtest.h>

#include "tokenizer/tekken_pieces.h"

namespace tramontane {
namespace {

TEST(PortablePattern, TakesWhatTokenizersAreMadeOf) {
  for (
      const std::string_view expression :
      {kTekkenPattern,
       std::string_view(
           R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S))"),
       std::string_view(R"([^\]\[a-z]\(\.|(?:a|\p{L}++))")}) {
    EXPECT_EQ(read_differently(expression), "") << expression;
  }
}

TEST(PortablePattern, NamesWhatOnigurumaReadsInItsOwnWay) {
  for (const auto& [expression, odd] :
       {std::pair(R"(a|^b)", "^"), std::pair(R"(b$)", "$"), std::pair(R"(.+)", "."),
        std::pair(R"(\w+)", R"(\w)"), std::pair(R"([\h])", R"(\h)"), std::pair(R"([a[b]])", "["),
        std::pair(R"([a&&b])", "&&"), std::pair(R"((?m:a))", "(?m"), std::pair(R"((*UCP)a)", "(*U"),
        std::pair(R"(a{1,2}+)", "}+"), std::pair(R"([]a])", "[]"), std::pair("a\\", "\\")}) {
    EXPECT_EQ(read_differently(expression), odd) << expression;
  }
}

}  // namespace
}  // namespace tramontane
