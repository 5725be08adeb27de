#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "tokenizer/models.h"

namespace tramontane {
namespace {

using nlohmann::json;

Tokenizer small_tekken() { return Tokenizer::load(test_data() / "tekken"); }

const json& golden() {
  static const json all = json::parse(read_model(std::filesystem::path(TEST_GOLDEN) / "tekken.json"));
  return all;
}

TEST(Tekken, EncodesAsMistralCommonDoesAndBack) {
  const Tokenizer tokenizer = small_tekken();
  for (const json& pair : golden()["encode"]) {
    const auto text = pair[0].get<std::string>();
    const auto ids = pair[1].get<std::vector<TokenId>>();
    ASSERT_EQ(tokenizer.encode_text(text), ids) << text;
    ASSERT_EQ(tokenizer.decode(ids), text);
  }
}

TEST(Tekken, DecodesAnyIdsAsMistralCommonDoesAtOnceAndStreaming) {
  const Tokenizer tokenizer = small_tekken();
  for (const json& pair : golden()["decode"]) {
    const auto ids = pair[0].get<std::vector<TokenId>>();
    ASSERT_EQ(tokenizer.decode(ids), pair[1].get<std::string>()) << pair[0];
    ASSERT_EQ(stream(tokenizer, ids), pair[1].get<std::string>()) << pair[0];
  }
}

TEST(Tekken, HasTheVocabularyThatMistralCommonReads) {
  const Tokenizer tokenizer = small_tekken();
  const auto pieces = golden()["pieces"].get<std::vector<std::string>>();
  ASSERT_EQ(tokenizer.vocab_size(), static_cast<int>(pieces.size())) << "cut to default_vocab_size";
  for (TokenId id = 0; id < tokenizer.vocab_size(); id++) {
    EXPECT_EQ(tokenizer.piece(id), pieces[static_cast<std::size_t>(id)]);
  }
  EXPECT_EQ(tokenizer.kind(), "tekken");
  EXPECT_EQ(tokenizer.version(), "v3");
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.control_id("[/INST]"), 4);
  EXPECT_EQ(tokenizer.control_id("<SPECIAL_23>"), 23);
  EXPECT_EQ(tokenizer.control_id("<SPECIAL_24>"), -1);
  EXPECT_EQ(tokenizer.control_id("a"), -1);
}

TEST(Tekken, PutsBosBeforeAPromptAndReadsNoControlTokenFromText) {
  const Tokenizer tokenizer = small_tekken();
  EXPECT_EQ(tokenizer.encode(""), std::vector<TokenId>{1});
  for (const TokenId id : tokenizer.encode_text("<s>[INST] a [/INST]</s><unk><SPECIAL_20>"))
    EXPECT_GE(id, 24);
}

TEST(Tekken, EndsARunOfBytesAtAControlToken) {
  const Tokenizer tokenizer = small_tekken();
  StreamDecoder decoder(tokenizer);
  const TokenId first = 24 + 0xf0;
  EXPECT_EQ(decoder.push(first), "");
  EXPECT_EQ(decoder.push(24 + 0x9f), "");
  EXPECT_EQ(decoder.push(24 + 0x98), "");
  EXPECT_EQ(decoder.push(24 + 0x80), "😀");
  EXPECT_EQ(decoder.push(first), "");
  EXPECT_EQ(decoder.push(24 + 0x9f), "");
  EXPECT_EQ(decoder.push(2), "\ufffd") << "two bytes that start one character";
  EXPECT_EQ(decoder.push(first), "");
  EXPECT_EQ(decoder.finish(), "\ufffd");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(Tekken, CutsCharactersYoungerThanThePatternsTablesAsMistralCommonDoes) {
  const Tokenizer tokenizer = small_tekken();
  // One word each, were these letters, marks and digits unknown to the pattern: the space would go elsewhere.
  const std::string letters = " \U00011F02\U00011F03 \u1C89\u1C8A";
  const auto ids = tokenizer.encode_text(letters);
  EXPECT_EQ(tokenizer.decode(ids), letters);
  // U+180E is no space: "a" and it are two pieces, and what follows joins it.
  EXPECT_EQ(tokenizer.encode_text("\u180ethe").size(), tokenizer.encode_text("\u200bthe").size());
}

TEST(Tekken, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(error_of([] { small_tekken().encode("ab\xff"); }),
            "prompt: expected UTF-8, found byte 0xff at offset 2");
}

TEST(Tekken, EncodesAMegabyteOfOneCharacterInASecond) {
  const Tokenizer tokenizer = small_tekken();
  for (const char letter : {'a', 'Q', ' ', '\n', '=', '\0'}) {
    const std::string text(1 << 20, letter);
    double least = 1e9;
    for (int i = 0; i < 3 && least > 1; i++) {
      const std::clock_t start = std::clock();
      const auto ids = tokenizer.encode(text);
      least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
      EXPECT_EQ(tokenizer.decode(ids), text);
    }
#ifdef NDEBUG  // neither sanitizers nor a debug build
    EXPECT_LT(least, 1) << static_cast<int>(letter);
#endif
  }
}

}  // namespace
}  // namespace tramontane
