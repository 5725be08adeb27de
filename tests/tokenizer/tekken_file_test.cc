#include "tokenizer/tekken_file.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "support/error_of.h"

namespace tramontane {
namespace {

using nlohmann::json;

/// The base64 of one byte.
std::string base64(unsigned byte) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return {kDigits[byte >> 2], kDigits[(byte & 3) << 4], '=', '='};
}

/// The smallest tekken.json: the bytes, "aa", and two special tokens more than the 20 of old files.
json smallest() {
  json vocab = json::array();
  for (unsigned byte = 0; byte < 256; byte++) {
    vocab.push_back({{"rank", byte}, {"token_bytes", base64(byte)}, {"token_str", nullptr}});
  }
  vocab.push_back({{"rank", 256}, {"token_bytes", "YWE="}, {"token_str", "aa"}});
  return {{"config",
           {{"pattern", "[^a]+|a+"},
            {"num_vocab_tokens", 257},
            {"default_vocab_size", 279},
            {"default_num_special_tokens", 22},
            {"version", "v3"}}},
          {"vocab", vocab}};
}

TekkenFile read(const json& file) { return read_tekken_file(file.dump(), "tekken.json"); }

/// What is wrong after `change`.
std::string error_after(const std::function<void(json&)>& change) {
  json file = smallest();
  change(file);
  return testing::error_or_none([&] { read(file); });
}

json special(int rank, const char* text) {
  return {{"rank", rank}, {"token_str", text}, {"is_control", true}};
}

TEST(TekkenFile, GivesOldFilesTheSpecialTokensThatTheyDoNotList) {
  const TekkenFile file = read(smallest());
  EXPECT_EQ(file.version, "v3");
  EXPECT_EQ(file.pattern, "[^a]+|a+");
  ASSERT_EQ(file.special_tokens.size(), 22U);
  EXPECT_EQ(file.special_tokens[1], "<s>");
  EXPECT_EQ(file.special_tokens[19], "[TOOL_CONTENT]");
  EXPECT_EQ(file.special_tokens[21], "<SPECIAL_21>");
  EXPECT_EQ(file.vocabulary.size(), 257U);
  EXPECT_EQ(file.vocabulary.find("aa"), 256U);
}

TEST(TekkenFile, TakesTheSpecialTokensThatAreListed) {
  json json_file = smallest();
  for (const char* version : {"v7", "v11", "v13", "v15"}) {
    json_file["config"]["version"] = version;
    json_file["special_tokens"] = {special(0, "<s>"), special(1, "[THINK]")};
    const TekkenFile file = read(json_file);
    ASSERT_EQ(file.special_tokens.size(), 22U);
    EXPECT_EQ(file.special_tokens[1], "[THINK]");
    EXPECT_EQ(file.special_tokens[2], "<SPECIAL_2>");
  }
}

TEST(TekkenFile, LeavesOutWhatGoesBeyondTheVocabularysSize) {
  json file = smallest();
  file["config"]["default_vocab_size"] = 278;
  EXPECT_EQ(read(file).vocabulary.size(), 256U);
}

TEST(TekkenFile, RefusesVersionsThatItDoesNotKnow) {
  EXPECT_EQ(
      error_after([](json& f) { f["config"]["version"] = "v4"; }),
      "tekken.json: key 'config.version': expected one of v1, v2, v3, v7, v11, v13 and v15, found 'v4'");
  EXPECT_EQ(error_after([](json& f) { f["config"]["version"] = 3; }),
            "tekken.json: key 'config.version': expected a string, found 3");
  EXPECT_EQ(error_after([](json& f) { f["config"]["version"] = "v11"; }),
            "tekken.json: key 'special_tokens': expected a list, as v11 has it, found nothing");
  EXPECT_EQ(error_after([](json& f) { f.erase("config"); }),
            "tekken.json: key 'config': expected an object, found nothing");
}

TEST(TekkenFile, RefusesSpecialTokensThatAreNoList) {
  EXPECT_EQ(error_after([](json& f) { f["special_tokens"] = 1; }),
            "tekken.json: key 'special_tokens': expected a list, found 1");
  EXPECT_EQ(
      error_after([](json& f) { f["special_tokens"] = json::array({special(0, "a"), special(1, "a")}); }),
      "tekken.json: key 'special_tokens[1]': expected another token than those before, found 'a'");
  EXPECT_EQ(error_after([](json& f) { f["special_tokens"] = json::array({special(0, "<SPECIAL_5>")}); }),
            "tekken.json: key 'special_tokens[5]': expected another token than those before, found "
            "'<SPECIAL_5>'");
  EXPECT_EQ(error_after([](json& f) { f["special_tokens"] = json::array({special(1, "a")}); }),
            "tekken.json: key 'special_tokens[0].rank': expected 0, found 1");
  EXPECT_EQ(error_after([](json& f) { f["special_tokens"] = json::array({special(0, "")}); }),
            "tekken.json: key 'special_tokens[0].token_str': expected a text, found ''");
  EXPECT_EQ(
      error_after([](json& f) { f["config"]["default_num_special_tokens"] = 19; }),
      "tekken.json: key 'config.default_num_special_tokens': expected at least 20, one for each, found 19");
}

TEST(TekkenFile, RefusesAVocabularyThatIsShortOrDoubled) {
  EXPECT_EQ(error_after([](json& f) { f["vocab"].erase(256); }),
            "tekken.json: key 'vocab': expected 257 tokens, found 256");
  EXPECT_EQ(
      error_after([](json& f) { f["vocab"][256]["token_bytes"] = "YQ=="; }),
      "tekken.json: key 'vocab[256].token_bytes': expected other bytes than of the tokens before, found "
      "'YQ=='");
  EXPECT_EQ(error_after([](json& f) { f["vocab"][256]["token_bytes"] = "YQ"; }),
            "tekken.json: key 'vocab[256].token_bytes': expected 1 to 1024 bytes in base64, found 'YQ'");
  EXPECT_EQ(error_after([](json& f) { f["vocab"][256]["token_bytes"] = ""; }),
            "tekken.json: key 'vocab[256].token_bytes': expected 1 to 1024 bytes in base64, found ''");
  EXPECT_EQ(error_after([](json& f) { f["vocab"][7]["token_bytes"] = "YQ=="; }),
            "tekken.json: key 'vocab[7].token_bytes': expected byte 7 in base64, found 'YQ=='");
  EXPECT_EQ(error_after([](json& f) { f["vocab"][7]["rank"] = 8; }),
            "tekken.json: key 'vocab[7].rank': expected 7, found 8");
  EXPECT_EQ(
      error_after([](json& f) { f["config"]["default_vocab_size"] = 2000000; }),
      "tekken.json: key 'config.default_vocab_size': expected an integer in 278..1048576, found 2000000");
}

}  // namespace
}  // namespace tramontane
