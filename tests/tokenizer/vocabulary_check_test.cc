#include "tokenizer/vocabulary_check.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "support/temp_folder.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/models.h"
#include "tokenizer/tekken_file.h"

namespace tramontane {
namespace {

using nlohmann::json;

/// A folder with a tokenizer file and a tokenizer.json beside it.
class VocabularyCheck : public ::testing::Test {
 protected:
  void copy(const std::filesystem::path& file) {
    std::filesystem::copy_file(test_data() / file, folder_ / file.filename());
    tokenizer_ = std::make_unique<Tokenizer>(Tokenizer::load(folder_.path()));
  }
  /// What is said of a tokenizer.json of these pieces, without its path.
  std::vector<std::string> lines_with(const json& vocab) {
    const auto path = folder_ / "tokenizer.json";
    std::ofstream(path) << json{{"model", {{"type", "BPE"}, {"vocab", vocab}}}};
    std::vector<std::string> lines = tokenizer_->disagreements(folder_.path());
    for (std::string& line : lines) line.erase(0, path.string().size());
    return lines;
  }
  json pieces() const {
    json vocab;
    for (TokenId id = 0; id < tokenizer_->vocab_size(); id++) vocab[tokenizer_->piece(id)] = id;
    return vocab;
  }
  testing::TempFolder folder_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_F(VocabularyCheck, SaysNothingWhereThereIsOneFileOrTheyAgree) {
  copy("stories260k/tokenizer.model");
  EXPECT_TRUE(tokenizer_->disagreements(folder_.path()).empty());
  EXPECT_TRUE(lines_with(pieces()).empty());
  std::filesystem::remove(folder_ / "tokenizer.model");
  EXPECT_TRUE(tokenizer_->disagreements(folder_.path()).empty()) << "tokenizer.json is the one that is used";
}

TEST_F(VocabularyCheck, NamesTheFirstPieceThatDiffers) {
  copy("stories260k/tokenizer.model");
  json vocab = pieces();
  std::swap(vocab["<s>"], vocab["</s>"]);
  EXPECT_EQ(
      lines_with(vocab),
      (std::vector<std::string>{": expected the vocabulary of tokenizer.model, which is used, found 2 other "
                                "pieces, the first '</s>' instead of '<s>' for id 1"}));
  vocab["<extra>"] = 512;
  EXPECT_EQ(lines_with(vocab),
            (std::vector<std::string>{": expected the vocabulary of tokenizer.model, which is "
                                      "used, found 513 pieces instead of 512"}));
  EXPECT_EQ(lines_with(json::array()),
            (std::vector<std::string>{": expected the vocabulary of tokenizer.model, "
                                      "which is used, found no vocabulary to compare"}));
}

TEST_F(VocabularyCheck, ReadsTheLettersOfTekkensBytes) {
  copy("tekken/tekken.json");
  const TekkenFile file = read_tekken_file(read_model(folder_ / "tekken.json"), "tekken.json");
  json vocab;
  const auto specials = static_cast<TokenId>(file.special_tokens.size());
  for (TokenId id = 0; id < specials; id++) vocab[file.special_tokens[static_cast<std::size_t>(id)]] = id;
  for (std::uint32_t number = 0; number < file.vocabulary.size(); number++) {
    std::string letters;
    for (const char byte : file.vocabulary[number]) letters += byte_letter(static_cast<unsigned char>(byte));
    vocab[letters] = specials + static_cast<TokenId>(number);
  }
  EXPECT_TRUE(lines_with(vocab).empty());
  vocab["a"] = vocab["b"];
  EXPECT_EQ(lines_with(vocab).size(), 1U);
}

TEST(ReadVocabulary, TakesPiecesAndAddedTokensFromWhereTheyAre) {
  const json file = {
      {"added_tokens", {{{"id", 3}, {"content", "<x>"}, {"other", {{"id", 9}}}}, {{"content", "no id"}}}},
      {"vocab", {{"elsewhere", 7}}},
      {"model", {{"vocab", {{"a", 0}, {"b", 1}, {"huge", 1U << 31}}}, {"merges", {{"a", "b"}}}}}};
  EXPECT_EQ(read_vocabulary(file.dump()), (std::vector<std::string>{"a", "b", "", "<x>"}));
  EXPECT_TRUE(read_vocabulary("{\"model\": {\"vocab\": {\"a\": 0}").empty()) << "no JSON";
  EXPECT_TRUE(read_vocabulary("0").empty());
  EXPECT_TRUE(read_vocabulary(std::string(1000, '[')).empty());
}

}  // namespace
}  // namespace tramontane
