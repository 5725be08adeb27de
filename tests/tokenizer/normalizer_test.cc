#include "tokenizer/normalizer.h"

#include <gtest/gtest.h>

#include "support/error_of.h"

namespace tramontane {
namespace {

TEST(Normalizer, TakesItsStepsInTheirOrder) {
  EXPECT_EQ(normalize("a b", {{"", "_"}, {" ", "_"}}), "_a_b");
  EXPECT_EQ(normalize("a b", {{" ", "_"}, {"", " "}}), " a_b");
  EXPECT_EQ(normalize("", {{"", "_"}}), "") << "nothing is put before an empty text";
  EXPECT_EQ(normalize("aaa", {{"aa", "b"}}), "ba");
  EXPECT_EQ(normalize("aaa", {{"a", ""}}), "");
}

TEST(Normalizer, RefusesTextsThatItMakesTooLong) {
  const std::string text(8 << 20, 'a');
  EXPECT_EQ(testing::error_of([&] { normalize(text, {{"a", "0123456789"}}); }),
            "prompt: expected at most 67108864 bytes after the tokenizer's normalizer, found 83886080");
}

}  // namespace
}  // namespace tramontane
