#include <gtest/gtest.h>

#include <random>

#include "core/utf8.h"
#include "tokenizer/models.h"

namespace tramontane {
namespace {

/// Pushes all of `ids`, checks what each returned text promises, and joins them.
std::string stream(StreamDecoder& decoder, const std::vector<TokenId>& ids) {
  std::string joined;
  for (const TokenId id : ids) {
    const std::string text = decoder.push(id);
    EXPECT_EQ(find_invalid_utf8(text), std::string::npos);
    joined += text;
  }
  const std::string rest = decoder.finish();
  EXPECT_EQ(find_invalid_utf8(rest), std::string::npos);
  return joined + rest;
}

/// Ids of the pieces with these spellings.
std::vector<TokenId> ids_of(const Tokenizer& tokenizer, const std::vector<std::string>& pieces) {
  std::vector<TokenId> ids;
  for (const std::string& piece : pieces) {
    TokenId id = 0;
    while (id < tokenizer.vocab_size() && tokenizer.piece(id) != piece) id++;
    EXPECT_LT(id, tokenizer.vocab_size()) << piece;
    ids.push_back(id);
  }
  return ids;
}

/// Random ids in the mixtures that matter: any ids; controls, the unknown and pieces of spaces, often at the
/// start; bytes that form, nearly form or break characters.
class RandomIds {
 public:
  RandomIds(const Tokenizer& tokenizer, unsigned seed) : random_(seed) {
    for (TokenId id = 0; id < tokenizer.vocab_size(); id++) {
      const std::string piece = tokenizer.piece(id);
      all_.push_back(id);
      if (id < 4 || piece.find("▁▁") != std::string::npos || piece == "▁" || piece[0] == '<')
        special_.push_back(id);
      if (piece.starts_with("<0x")) bytes_.push_back(id);
      if (piece.starts_with("▁")) spaced_.push_back(id);
    }
  }

  std::vector<TokenId> sequence() {
    std::vector<TokenId> ids;
    const std::size_t length = random_() % 24;
    while (ids.size() < length) {
      switch (random_() % 5) {
        case 0:
          ids.push_back(one_of(all_));
          break;
        case 1:
          ids.push_back(one_of(special_));
          break;
        case 2:
          ids.push_back(one_of(spaced_));
          break;
        case 3:
          append_bytes(ids);
          break;
        default:
          ids.push_back(one_of(bytes_));
          break;
      }
    }
    return ids;
  }

 private:
  TokenId one_of(const std::vector<TokenId>& ids) { return ids.empty() ? 0 : ids[random_() % ids.size()]; }

  /// The bytes of a character or of something overlong, surrogate, too large or cut, as byte pieces.
  void append_bytes(std::vector<TokenId>& ids) {
    static const std::vector<std::string> texts = {" ",
                                                   "a",
                                                   "é",
                                                   "▁",
                                                   "\u2028",
                                                   "😀",
                                                   "\xef\xbf\xbd",
                                                   "\xef\xbf\xbe",
                                                   "\xc0\xaf",
                                                   "\xe0\x80\x80",
                                                   "\xed\xa0\x80",
                                                   "\xf4\x90\x80\x80",
                                                   "\xf0\x8f\xbf\xbf",
                                                   "\xe2\x96",
                                                   "\xf0\x9f\x98",
                                                   "\xff",
                                                   "\x80",
                                                   "\xc3"};
    if (bytes_.size() != 256) return ids.push_back(one_of(all_));
    for (const char c : texts[random_() % texts.size()]) ids.push_back(bytes_[static_cast<unsigned char>(c)]);
  }

  std::mt19937 random_;
  std::vector<TokenId> all_, special_, bytes_, spaced_;
};

class StreamDecoderOf : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(StreamDecoderOf, JoinsToTheDecodeOfTheWholeForRandomIds) {
  const Tokenizer tokenizer = load_model_file(GetParam());
  RandomIds random(tokenizer, 20240601);
  StreamDecoder decoder(tokenizer);  // reused, so finish() must leave it as new
  for (int i = 0; i < 20000; i++) {
    const std::vector<TokenId> ids = random.sequence();
    ASSERT_EQ(stream(decoder, ids), tokenizer.decode(ids)) << ::testing::PrintToString(ids);
  }
}

TEST_P(StreamDecoderOf, JoinsToTheDecodeOfEveryPairOfIds) {
  const Tokenizer tokenizer = load_model_file(GetParam());
  StreamDecoder decoder(tokenizer);
  const int step = tokenizer.vocab_size() > 150 ? 3 : 1;  // all first ids with a third of the second ones
  for (TokenId a = 0; a < tokenizer.vocab_size(); a++) {
    for (TokenId b = a % step; b < tokenizer.vocab_size(); b += step) {
      ASSERT_EQ(stream(decoder, {a, b}), tokenizer.decode(std::vector<TokenId>{a, b})) << a << " " << b;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, StreamDecoderOf, ::testing::ValuesIn(model_paths()), model_test_name);

TEST(StreamDecoder, HoldsBytesBackUntilTheCharacterIsWhole) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  StreamDecoder decoder(tokenizer);
  const auto ids = ids_of(tokenizer, {"<0xF0>", "<0x9F>", "<0x98>", "<0x80>"});
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.push(ids[2]), "");
  EXPECT_EQ(decoder.push(ids[3]), "😀");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, ReplacesBytesAsSoonAsNoCharacterCanComeOfThem) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  StreamDecoder decoder(tokenizer);
  const auto ids = ids_of(tokenizer, {"<0xE2>", "<0x96>", "<0xE2>", "<0xFF>"});
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.push(ids[2]), "\ufffd\ufffd");
  EXPECT_EQ(decoder.push(ids[3]), "\ufffd\ufffd");
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.finish(), "\ufffd");
}

TEST(StreamDecoder, EndsARunOfBytesAtAControlPiece) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  StreamDecoder decoder(tokenizer);
  const auto ids = ids_of(tokenizer, {"<0xC3>", "</s>", "<0xA9>"});
  EXPECT_EQ(decoder.push(ids[0]), "");
  EXPECT_EQ(decoder.push(ids[1]), "\ufffd");
  EXPECT_EQ(decoder.push(ids[2]), "\ufffd");
}

TEST(StreamDecoder, PutsTheFirstSpaceBackOnlyWhenTheFirstPieceHasIt) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(stream(decoder, ids_of(tokenizer, {"▁the", "▁the"})), " the the");
  EXPECT_EQ(stream(decoder, ids_of(tokenizer, {"<s>", "▁the", "▁the"})), "the the");
  EXPECT_EQ(stream(decoder, ids_of(tokenizer, {"he", "▁the"})), "he the");
}

TEST(StreamDecoder, RefusesIdsOutsideTheVocabularyAndGoesOn) {
  const Tokenizer tokenizer = Tokenizer::load(test_data() / "stories260k");
  StreamDecoder decoder(tokenizer);
  EXPECT_EQ(error_of([&] { decoder.push(512); }), "token: expected an id from 0 to 511, found 512");
  EXPECT_EQ(error_of([&] { decoder.push(-1); }), "token: expected an id from 0 to 511, found -1");
  EXPECT_EQ(stream(decoder, ids_of(tokenizer, {"▁the"})), " the");
}

}  // namespace
}  // namespace tramontane
