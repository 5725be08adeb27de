#include "tramontane/tokenizer.h"

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "support/temp_folder.h"
#include "tokenizer/models.h"

namespace tramontane {
namespace {

using namespace std::string_view_literals;
using testing::TempFolder;

std::string load_error(const std::filesystem::path& folder) {
  return error_of([&] { Tokenizer::load(folder); });
}

/// Random text: words, spaces of several kinds, letters of other scripts, control characters, NUL, pieces'
/// spellings.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> parts = {
      "a",   "e",  "th",  "the",  " ",     "  ",     "▁",     "\t",     "\n",     ".",      "1",  "2024",
      "é",   "ü",  "Å",   "ﬁ",    "①",     "…",      "１",    "\u3000", "\u00a0", "\u200b", "北", "風",
      "вет", "😀", "<s>", "</s>", "<unk>", "<0x41>", "<sep>", "<a>",    "<b>",    "[INST]", "\r", "\ufffd"};
  std::string text;
  const std::size_t length = random() % 20;
  for (std::size_t i = 0; i < length; i++) {
    const std::size_t pick = random() % (parts.size() + 1);
    if (pick == parts.size()) {
      text += '\0';
    } else {
      text += parts[pick];
    }
  }
  return text;
}

class TokenizerOf : public ::testing::TestWithParam<std::filesystem::path> {
 protected:
  TokenizerOf() : tokenizer(load_model_file(GetParam())) {
    EXPECT_TRUE(library.LoadFromSerializedProto(read_model(GetParam())).ok());
  }
  Tokenizer tokenizer;
  sentencepiece::SentencePieceProcessor library;
};

TEST_P(TokenizerOf, EncodesAsTheLibraryDoesWithBosFirst) {
  std::mt19937 random(7);
  for (int i = 0; i < 5000; i++) {
    const std::string text = random_text(random);
    std::vector<TokenId> expected = library.EncodeAsIds(text);
    if (library.bos_id() >= 0) expected.insert(expected.begin(), library.bos_id());
    ASSERT_EQ(tokenizer.encode(text), expected) << ::testing::PrintToString(text);
  }
}

TEST_P(TokenizerOf, DecodesAsTheLibraryDoesWithTheFirstSpacePutBack) {
  std::mt19937 random(8);
  const auto size = static_cast<unsigned>(tokenizer.vocab_size());
  for (int i = 0; i < 5000; i++) {
    std::vector<TokenId> ids(1 + random() % 12);
    for (TokenId& id : ids) id = static_cast<TokenId>(random() % size);
    const bool space = library.IdToPiece(ids[0]).starts_with("▁");
    ASSERT_EQ(tokenizer.decode(ids), (space ? " " : "") + library.DecodeIds(ids))
        << ::testing::PrintToString(ids);
  }
}

TEST_P(TokenizerOf, HasTheLibrarysVocabulary) {
  ASSERT_EQ(tokenizer.vocab_size(), library.GetPieceSize());
  EXPECT_EQ(tokenizer.bos_id(), library.bos_id());
  EXPECT_EQ(tokenizer.eos_id(), library.eos_id());
  for (TokenId id = 0; id < tokenizer.vocab_size(); id++)
    EXPECT_EQ(tokenizer.piece(id), library.IdToPiece(id));
}

TEST_P(TokenizerOf, RefusesAModelCutAtAnyByte) {
  const std::string bytes = read_model(GetParam());
  for (std::size_t size = 0; size < bytes.size(); size++) {
    const std::string error = error_of([&] { Tokenizer::from_bytes(bytes.substr(0, size), "cut"); });
    ASSERT_TRUE(error.starts_with("cut: expected a SentencePiece model, found ")) << size << ": " << error;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, TokenizerOf, ::testing::ValuesIn(model_paths()), model_test_name);

TEST(Tokenizer, GivesTheExpectedIdsAndTextsOfTheRealModel) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  std::ifstream file(test_data() / "stories260k/expected.json");
  const auto expected = nlohmann::json::parse(file);
  ASSERT_FALSE(expected.empty());
  for (const auto& story : expected) {
    EXPECT_EQ(tokenizer.encode(story["prompt"].get<std::string>()),
              story["prompt_ids"].get<std::vector<TokenId>>());
    const auto ids = story["greedy_ids"].get<std::vector<TokenId>>();
    // The texts are SentencePiece's own, without the space that decode() puts back.
    const std::string space = tokenizer.piece(ids[0]).starts_with("▁") ? " " : "";
    EXPECT_EQ(tokenizer.decode(ids), space + story["text"].get<std::string>());
  }
}

TEST(Tokenizer, DescribesItself) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  EXPECT_EQ(tokenizer.vocab_size(), 512);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.kind(), "SentencePiece BPE");
  EXPECT_EQ(tokenizer.piece(13), "<0x0A>");
  const auto kind_of = [](const char* name) {
    return std::string(load_model_file(test_data() / "tokenizers" / name).kind());
  };
  EXPECT_EQ(kind_of("unigram_trim.model"), "SentencePiece unigram");
  EXPECT_EQ(kind_of("word.model"), "SentencePiece word");
  EXPECT_EQ(kind_of("character.model"), "SentencePiece character");
}

TEST(Tokenizer, SaysThatAModelHasNoBos) {
  const Tokenizer tokenizer = load_model_file(test_data() / "tokenizers/unigram_trim.model");
  EXPECT_EQ(tokenizer.bos_id(), -1);
  EXPECT_EQ(tokenizer.eos_id(), -1);
  EXPECT_TRUE(tokenizer.encode("").empty());
}

TEST(Tokenizer, EncodesNulAsItsByte) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  const std::vector<TokenId> ids = tokenizer.encode("a\0b"sv);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 3), 1);  // <0x00>
  EXPECT_EQ(tokenizer.decode(ids), "a\0b"sv);
}

TEST(Tokenizer, EncodesEmptyTextAsBos) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  EXPECT_EQ(tokenizer.encode(""), std::vector<TokenId>{1});
  EXPECT_EQ(tokenizer.decode({}), "");
}

TEST(Tokenizer, NeverReadsControlPiecesFromText) {
  const Tokenizer tokenizer = load_model_file(test_data() / "tokenizers/unigram_bytes.model");
  for (const TokenId id : tokenizer.encode("a [INST] <s> </s> [/INST]")) {
    EXPECT_NE(tokenizer.piece(id), "[INST]");
    EXPECT_NE(tokenizer.piece(id), "</s>");
  }
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8NamingTheOffset) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  const auto error = [&](std::string_view text) { return error_of([&] { tokenizer.encode(text); }); };
  EXPECT_EQ(error("Once upon a \xff"), "prompt: expected UTF-8, found byte 0xff at offset 12");
  EXPECT_EQ(error("\xe2\x96"), "prompt: expected UTF-8, found byte 0xe2 at offset 0");
  EXPECT_EQ(error("ab\xed\xa0\x80"), "prompt: expected UTF-8, found byte 0xed at offset 2");
  EXPECT_EQ(error("a\0\xc0\xaf"sv), "prompt: expected UTF-8, found byte 0xc0 at offset 2");
}

TEST(Tokenizer, RefusesTextTooLongForTheLibrary) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  EXPECT_EQ(error_of([&] { tokenizer.encode(std::string((16 << 20) + 1, 'a')); }),
            "prompt: expected at most 16777216 bytes, found 16777217");
}

TEST(Tokenizer, RefusesIdsOutsideTheVocabulary) {
  const Tokenizer tokenizer = load_model_file(test_data() / "tokenizers/bpe_trim.model");
  const std::string message = "token: expected an id from 0 to 199, found ";
  for (const TokenId id : {-1, 200, 455, 2147483647}) {
    const std::string found = message + std::to_string(id);
    EXPECT_EQ(error_of([&] { tokenizer.decode(std::vector<TokenId>{0, id}); }), found);
    EXPECT_EQ(error_of([&] { tokenizer.piece(id); }), found);
  }
}

/// The least of three measurements, in seconds of processor time.
double time_to_encode(const Tokenizer& tokenizer, const std::string& text) {
  double least = 1e9;
  for (int i = 0; i < 3; i++) {
    const std::clock_t start = std::clock();
    tokenizer.encode(text);
    least = std::min(least, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

TEST(Tokenizer, EncodesALongRunOfUnknownCharactersInLinearTime) {
  const Tokenizer tokenizer = load_model_file(test_data() / "tokenizers/bpe_trim.model");
  const std::string run(1 << 18, '\x01');
  EXPECT_EQ(tokenizer.encode(run).size(), 3U);  // BOS, the dummy prefix, one unknown piece
  // Four times the text: 4 when linear, 16 when quadratic. The library alone comes to 14.
  EXPECT_LT(time_to_encode(tokenizer, run), 9 * time_to_encode(tokenizer, run.substr(0, run.size() / 4)));
}

TEST(Tokenizer, LoadNamesAMissingFile) {
  const TempFolder folder;
  const std::string path = (folder.path() / "tokenizer.model").string();
  EXPECT_EQ(load_error(folder.path()), path + ": cannot open: No such file or directory");
}

TEST(Tokenizer, FindsTekkenThenSentencePieceThenTokenizerJson) {
  const TempFolder folder;
  EXPECT_EQ(Tokenizer::find(folder.path()), folder / "tokenizer.model");
  for (const char* name : {"tokenizer.json", "tokenizer.model.v1", "tokenizer.model.v3", "tokenizer.model.v7",
                           "tokenizer.model.v7m1", "tokenizer.model", "tekken.json"}) {
    std::ofstream(folder / name) << "x";
    EXPECT_EQ(Tokenizer::find(folder.path()), folder / name);
  }
}

TEST(Tokenizer, LoadRefusesAnEmptyFile) {
  const TempFolder folder;
  const auto path = folder.path() / "tokenizer.model";
  std::ofstream{path};
  EXPECT_EQ(load_error(folder.path()),
            path.string() + ": expected a SentencePiece model, found an empty file");
}

TEST(Tokenizer, LoadRefusesADirectory) {
  const TempFolder folder;
  const auto path = folder.path() / "tokenizer.model";
  std::filesystem::create_directory(path);
  EXPECT_EQ(load_error(folder.path()), path.string() + ": expected a regular file");
}

TEST(Tokenizer, LoadRefusesAFileTooLarge) {
  const TempFolder folder;
  const auto path = folder.path() / "tokenizer.model";
  std::ofstream{path};
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);  // sparse
  EXPECT_EQ(load_error(folder.path()), path.string() + ": expected at most 16.8 MB, found 1.1 TB");
}

TEST(Tokenizer, WorksFromSeveralThreadsAtOnce) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  const std::string text = "Once upon a time, naïve 😀 \t the end.";
  const std::vector<TokenId> ids = tokenizer.encode(text);
  const std::string decoded = tokenizer.decode(ids);
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (int& count : right) {
    threads.emplace_back([&, copy = tokenizer] {
      for (int i = 0; i < 500; i++) {
        StreamDecoder decoder(copy);
        std::string joined;
        for (const TokenId id : ids) joined += decoder.push(id);
        joined += decoder.finish();
        if (copy.encode(text) == ids && tokenizer.decode(ids) == decoded && joined == decoded) count++;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(4, 500));
}

}  // namespace
}  // namespace tramontane
