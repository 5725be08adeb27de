#include "tokenizer/tokenizer_files.h"

#include <gtest/gtest.h>

#include <set>

#include "tokenizer/base64.h"

namespace tramontane {
namespace {

TEST(TokenizerFiles, TellTheFormatByTheName) {
  EXPECT_EQ(format_of_name("a/tekken.json"), TokenizerFormat::tekken);
  EXPECT_EQ(format_of_name("tekken_240718.json"), TokenizerFormat::tekken);
  EXPECT_EQ(format_of_name("tekken/tokenizer.json"), TokenizerFormat::hugging_face);
  EXPECT_EQ(format_of_name("tokenizer.model.v3"), TokenizerFormat::sentencepiece);
}

TEST(TokenizerFiles, TellTheVersionByTheName) {
  EXPECT_EQ(version_of_name("a/tokenizer.model.v3"), "v3");
  EXPECT_EQ(version_of_name("mistral_instruct_tokenizer_241114.model.v7m1"), "v7");
  for (const char* name : {"tokenizer.model", "tokenizer.model.v4", "a.model.v3/tokenizer.model", "v3"}) {
    EXPECT_EQ(version_of_name(name), "") << name;
  }
}

TEST(TokenizerFiles, TellTheVersionByTheControlTokens) {
  const auto version = [](const std::set<std::string_view>& tokens) {
    return version_of_control_tokens([&](std::string_view token) { return tokens.contains(token); });
  };
  EXPECT_EQ(version({"[INST]"}), "v2");
  EXPECT_EQ(version({"[INST]", "[PREFIX]"}), "v3");
  EXPECT_EQ(version({"[INST]", "[PREFIX]", "[SYSTEM_PROMPT]"}), "v7");
  EXPECT_EQ(version({"<s>"}), "");
}

TEST(Base64, DecodesItsStandardsExamplesAndNothingElse) {
  for (const auto& [text, bytes] : {std::pair("", ""), std::pair("Zg==", "f"), std::pair("Zm8=", "fo"),
                                    std::pair("Zm9v", "foo"), std::pair("Zm9vYmFy", "foobar")}) {
    EXPECT_EQ(decode_base64(text), bytes);
  }
  EXPECT_EQ(decode_base64("+/8="), "\xfb\xff");
  for (const char* text : {"Zg=", "Zg", "Zh==", "Zg=a", "Z===", "====", "Zm8 ", "Zm-_"}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tramontane
