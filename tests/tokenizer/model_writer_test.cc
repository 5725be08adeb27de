#include "tokenizer/model_writer.h"

#include <gtest/gtest.h>

#include "tokenizer/model_file.h"
#include "tramontane/tokenizer.h"

namespace tramontane {
namespace {

using Type = SentencePiece::Type;

SentencePieceModel small() {
  SentencePieceModel model;
  model.pieces = {{"<unk>", 0, Type::unknown}, {"<s>", 0, Type::control}, {"</s>", 0, Type::control},
                  {"a", -1, Type::normal},     {"b", -2, Type::normal},   {"ab", -3, Type::normal}};
  model.bos_id = 1;
  model.eos_id = 2;
  return model;
}

TEST(ModelWriter, WritesABpeModelThatKeepsSpaces) {
  const ModelFile file = check_model_file(write_sentencepiece_model(small()), "m");
  EXPECT_EQ(file.type, ModelType::bpe);
  EXPECT_EQ(file.vocab_size, 6);
  EXPECT_FALSE(file.add_dummy_prefix);
  EXPECT_FALSE(file.remove_extra_whitespaces);
  SentencePieceModel model = small();
  model.add_dummy_prefix = true;
  EXPECT_TRUE(check_model_file(write_sentencepiece_model(model), "m").add_dummy_prefix);
}

TEST(ModelWriter, ScoresDecideWhatIsMerged) {
  SentencePieceModel model = small();
  model.pieces.push_back({"ba", -2.5F, Type::normal});
  EXPECT_EQ(Tokenizer::from_bytes(write_sentencepiece_model(model), "m").encode("aba"),
            (std::vector<TokenId>{1, 3, 6}));
  model.pieces[5].score = -2;
  EXPECT_EQ(Tokenizer::from_bytes(write_sentencepiece_model(model), "m").encode("aba"),
            (std::vector<TokenId>{1, 5, 3}));
}

TEST(ModelWriter, SpecialPiecesMayHaveAnyNameOrBeAbsent) {
  SentencePieceModel model = small();
  model.pieces[1].text = "<begin>";
  const Tokenizer named = Tokenizer::from_bytes(write_sentencepiece_model(model), "m");
  EXPECT_EQ(named.bos_id(), 1);
  EXPECT_EQ(named.eos_id(), 2);
  model.bos_id = model.eos_id = -1;
  const Tokenizer none = Tokenizer::from_bytes(write_sentencepiece_model(model), "m");
  EXPECT_EQ(none.bos_id(), -1);
  EXPECT_EQ(none.eos_id(), -1) << "not even by its usual name";
}

TEST(ModelWriter, CharactersWithoutAPieceBecomeBytes) {
  SentencePieceModel model = small();
  model.byte_fallback = true;
  for (int byte = 0; byte < 256; byte++) {
    constexpr const char* kDigits = "0123456789ABCDEF";
    model.pieces.push_back(
        {std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", 0, Type::byte});
  }
  EXPECT_EQ(Tokenizer::from_bytes(write_sentencepiece_model(model), "m").encode("aé"),
            (std::vector<TokenId>{1, 3, 6 + 0xc3, 6 + 0xa9}));
}

}  // namespace
}  // namespace tramontane
