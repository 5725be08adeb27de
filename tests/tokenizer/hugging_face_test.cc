#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"
#include "tokenizer/models.h"

namespace tramontane {
namespace {

using nlohmann::json;

Tokenizer small(const std::string& name) {
  return load_model_file(test_data() / "tokenizer_json" / (name + ".json"));
}

/// What Hugging Face's tokenizers does with each of the small files.
json golden() {
  json all = json::parse(read_model(std::filesystem::path(TEST_GOLDEN) / "tokenizer_json.json"));
  all.erase("made_by");
  return all;
}

TEST(HuggingFace, EncodesAsTokenizersDoes) {
  const json all = golden();
  ASSERT_EQ(all.size(), 8U);
  for (const auto& [name, expected] : all.items()) {
    const Tokenizer tokenizer = small(name);
    for (const json& entry : expected["encode"]) {
      const auto text = entry[0].get<std::string>();
      const auto ids = entry[1].get<std::vector<TokenId>>();
      ASSERT_EQ(tokenizer.encode_text(text), ids) << name << ": " << text;
      ASSERT_EQ(tokenizer.decode(ids), entry[2].get<std::string>()) << name;
    }
  }
}

TEST(HuggingFace, DecodesAnyIdsAsTokenizersDoesAtOnceAndStreaming) {
  const json all = golden();
  for (const auto& [name, expected] : all.items()) {
    const Tokenizer tokenizer = small(name);
    for (const json& entry : expected["decode"]) {
      const auto ids = entry[0].get<std::vector<TokenId>>();
      ASSERT_EQ(tokenizer.decode(ids), entry[1].get<std::string>()) << name << ": " << entry[0];
      ASSERT_EQ(stream(tokenizer, ids), entry[1].get<std::string>()) << name << ": " << entry[0];
    }
  }
}

TEST(HuggingFace, SaysWhatItIs) {
  const Tokenizer characters = small("legacy");
  EXPECT_EQ(characters.kind(), "Hugging Face BPE");
  EXPECT_EQ(characters.version(), "");
  EXPECT_EQ(characters.bos_id(), 1) << "of the post-processor";
  EXPECT_EQ(characters.eos_id(), 2) << "by its name";
  EXPECT_EQ(characters.control_id("</s>"), 2);
  EXPECT_EQ(characters.control_id("a"), -1);
  EXPECT_EQ(characters.piece(3), "<0x00>");
  const Tokenizer bytes = small("llama3");
  EXPECT_EQ(bytes.kind(), "Hugging Face byte-level BPE");
  EXPECT_EQ(bytes.bos_id(), bytes.control_id("<|begin_of_text|>"));
  EXPECT_EQ(bytes.eos_id(), bytes.control_id("<|end_of_text|>"));
  EXPECT_EQ(bytes.control_id("<tool>"), -1) << "added, but not special";
  EXPECT_EQ(bytes.piece(bytes.encode_text("x the")[1]), " the");
  EXPECT_EQ(small("gpt2").bos_id(), -1);
}

TEST(HuggingFace, ReadsNoControlTokenFromText) {
  for (const char* name : {"legacy_added", "first", "always", "llama3", "gpt2"}) {
    const Tokenizer tokenizer = small(name);
    const std::string text = "<s></s> <unk><pad_1><tool><s> <|begin_of_text|><|endoftext|>";
    const auto unknown = tokenizer.control_id("<unk>");  // stands for what has no token
    for (const TokenId id : tokenizer.encode_text(text)) {
      if (id != unknown) EXPECT_EQ(tokenizer.control_id(tokenizer.piece(id)), -1) << name;
    }
  }
}

TEST(HuggingFace, ReadsNoControlTokenFromTextEvenThroughMerges) {
  const json file = {{"added_tokens",
                      {{{"id", 4},
                        {"content", "<s>"},
                        {"special", true},
                        {"single_word", false},
                        {"lstrip", false},
                        {"rstrip", false},
                        {"normalized", false}}}},
                     {"decoder", {{"type", "Fuse"}}},
                     {"model",
                      {{"type", "BPE"},
                       {"vocab", {{"<", 0}, {"s", 1}, {">", 2}, {"<s", 3}, {"<s>", 4}}},
                       {"merges", {"< s", "<s >"}}}}};
  for (const bool ignore_merges : {false, true}) {
    json changed = file;
    changed["model"]["ignore_merges"] = ignore_merges;
    const Tokenizer tokenizer = Tokenizer::from_bytes(changed.dump(), "tokenizer.json");
    EXPECT_EQ(tokenizer.encode_text("<s>"), (std::vector<TokenId>{3, 2}));
    EXPECT_EQ(tokenizer.encode(""), (std::vector<TokenId>{4})) << "BOS";
  }
}

TEST(HuggingFace, KeepsTheCharactersOfARunOfBytesThatHasOthersToo) {
  const Tokenizer tokenizer = small("legacy");
  const auto byte = [](int value) { return 3 + value; };
  const std::vector<TokenId> ids = {byte(0xe9), byte(0x9b), byte(0xaa), byte(0xff), byte(0xe9), byte(0x9b)};
  EXPECT_EQ(tokenizer.decode(ids), "雪\ufffd\ufffd\ufffd");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.push(1), "") << "a control token adds nothing and ends nothing";
  EXPECT_EQ(decoder.push(ids[2]), "雪");
  EXPECT_EQ(decoder.push(ids[3]), "\ufffd");
}

TEST(HuggingFace, TheFolderNamesItsEndTokens) {
  const testing::TempFolder folder;
  std::filesystem::copy_file(test_data() / "tokenizer_json/gpt2.json", folder / "tokenizer.json");
  const auto write = [&](const char* name, const json& contents) {
    std::ofstream(folder / name) << contents;
  };
  EXPECT_EQ(Tokenizer::load(folder.path()).eos_id(), 0) << "<|endoftext|>";
  write("special_tokens_map.json", {{"bos_token", "a"}, {"eos_token", "b"}});
  write("tokenizer_config.json", {{"bos_token", nullptr}, {"eos_token", {{"content", "c"}}}});
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.piece(tokenizer.bos_id()), "a");
  EXPECT_EQ(tokenizer.piece(tokenizer.eos_id()), "c");
  write("tokenizer_config.json", {{"eos_token", "none such"}});
  EXPECT_EQ(error_of([&] { Tokenizer::load(folder.path()); }),
            (folder / "tokenizer.json").string() +
                ": expected the token 'none such', which tokenizer_config.json "
                "or special_tokens_map.json names, found none of that name");
}

TEST(HuggingFace, EncodesAMegabyteOfOneCharacterInASecond) {
  const json all = golden();
  for (const auto& [name, expected] : all.items()) {
    const Tokenizer tokenizer = small(name);
    for (const char letter : {'a', ' ', '\n', '<', '\0'}) {
      const std::string text(1 << 20, letter);
      double least = 1e9;
      for (int i = 0; i < 3 && least > 1; i++) {
        const std::clock_t start = std::clock();
        tokenizer.encode(text);
        least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
      }
#ifdef NDEBUG  // neither sanitizers nor a debug build
      EXPECT_LT(least, 1) << name << ", " << static_cast<int>(letter);
#endif
    }
  }
}

}  // namespace
}  // namespace tramontane
