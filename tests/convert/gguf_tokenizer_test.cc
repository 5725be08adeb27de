#include "convert/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <bit>
#include <filesystem>
#include <random>

#include "core/mapped_file.h"
#include "core/utf8.h"
#include "support/error_of.h"
#include "support/gguf_writer.h"
#include "tokenizer/proto_reader.h"
#include "tramontane/tokenizer.h"

namespace tramontane {
namespace {

using testing::gguf_string;
using testing::GgufWriter;
using testing::little_endian;

constexpr std::string_view kMeta = "\xe2\x96\x81";  // U+2581

struct Piece {
  std::string text;
  std::uint32_t score = 0;  // float32 bits
  std::uint32_t type = 1;
};

std::vector<Piece> read_pieces(const std::string& model) {
  std::vector<Piece> pieces;
  ProtoReader reader(model);
  while (const auto field = reader.next()) {
    if (field->number != 1) continue;
    Piece piece;
    ProtoReader inner(field->bytes);
    while (const auto part = inner.next()) {
      if (part->number == 1) piece.text = part->bytes;
      if (part->number == 2) piece.score = static_cast<std::uint32_t>(part->value);
      if (part->number == 3) piece.type = static_cast<std::uint32_t>(part->value);
    }
    pieces.push_back(piece);
  }
  return pieces;
}

/// As the converter of llama.cpp records a vocabulary.
GgufWriter vocabulary(const std::vector<Piece>& pieces, std::uint32_t bos, std::uint32_t eos) {
  std::string tokens, scores, types;
  for (const Piece& piece : pieces) {
    tokens += gguf_string(piece.text);
    scores += little_endian(piece.score, 4);
    types += little_endian(piece.type, 4);
  }
  GgufWriter writer;
  writer.string("tokenizer.ggml.model", "llama").array("tokenizer.ggml.tokens", 8, pieces.size(), tokens);
  writer.array("tokenizer.ggml.scores", 6, pieces.size(), scores);
  writer.array("tokenizer.ggml.token_type", 5, pieces.size(), types);
  return writer.u32("tokenizer.ggml.bos_token_id", bos).u32("tokenizer.ggml.eos_token_id", eos);
}

struct Written {
  std::string model;
  std::vector<std::string> warnings;
};

Written write(const GgufWriter& writer) {
  const std::string bytes = writer.bytes();
  const std::string file = "x.gguf";
  const Gguf gguf = read_gguf(std::as_bytes(std::span(bytes)), file);
  Written written;
  written.model = gguf_tokenizer(GgufFields(gguf, file), written.warnings);
  return written;
}

std::filesystem::path data(const char* name) { return std::filesystem::path(TEST_DATA) / name; }

/// The lines of the tokenizers' training text, and random ones of their characters, spaces and rare ones.
std::vector<std::string> texts() {
  const std::string text = read_text(data("tokenizers/text.txt"), 1 << 20);
  std::vector<std::string> texts = {"",  " ", "  two  spaces ", "\n\t", "naïve 😀", std::string("a\0b", 3),
                                    text};
  std::mt19937 random(1);
  std::vector<std::string> characters = {
      " ", " ", " ", "\n", "<s>", "<0x41>", "é", "😀", "\xe2\x96\x81", "\x01", "<unk>"};
  for (const char c : text) {
    if (c > 0) characters.emplace_back(1, c);
  }
  for (int n = 0; n < 300; n++) {
    std::string line;
    for (std::uint32_t i = random() % 60; i > 0; i--) line += characters[random() % characters.size()];
    texts.push_back(line);
  }
  return texts;
}

void expect_same(const Tokenizer& found, const Tokenizer& expected) {
  EXPECT_EQ(found.vocab_size(), expected.vocab_size());
  EXPECT_EQ(found.bos_id(), expected.bos_id());
  EXPECT_EQ(found.eos_id(), expected.eos_id());
  for (TokenId id = 0; id < expected.vocab_size(); id++) EXPECT_EQ(found.piece(id), expected.piece(id));
  for (const std::string& text : texts()) {
    const std::vector<TokenId> ids = expected.encode(text);
    ASSERT_EQ(found.encode(text), ids) << text;
    EXPECT_EQ(found.decode(ids), expected.decode(ids));
  }
}

TEST(GgufTokenizer, EncodesAsTheModelThatTheVocabularyCameFrom) {
  for (const char* name : {"stories260k/tokenizer.model", "tokenizers/bpe_bytes.model"}) {
    const std::string original = read_text(data(name), 1 << 20);
    const Written written = write(vocabulary(read_pieces(original), 1, 2));
    EXPECT_EQ(written.warnings, std::vector<std::string>());
    expect_same(Tokenizer::from_bytes(written.model, "written"), Tokenizer::from_bytes(original, name));
  }
}

std::vector<Piece> small() {
  return {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {std::string(kMeta), 0, 1},
          {"a", 0, 1},     {"b", 0, 1}};
}

TEST(GgufTokenizer, TheSpaceBeforeATextIsOptional) {
  EXPECT_EQ(Tokenizer::from_bytes(write(vocabulary(small(), 1, 2)).model, "t").encode("a"),
            (std::vector<TokenId>{1, 3, 4}));
  GgufWriter writer = vocabulary(small(), 1, 2);
  writer.boolean("tokenizer.ggml.add_space_prefix", false);
  EXPECT_EQ(Tokenizer::from_bytes(write(writer).model, "t").encode("a"), (std::vector<TokenId>{1, 4}));
}

TEST(GgufTokenizer, AddedSymbolsAreSpelledWithSpaces) {
  std::vector<Piece> pieces = small();
  pieces.push_back({"a b", 0, 4});
  const Tokenizer tokenizer = Tokenizer::from_bytes(write(vocabulary(pieces, 1, 2)).model, "t");
  EXPECT_EQ(tokenizer.piece(6), "a" + std::string(kMeta) + "b");
  EXPECT_EQ(tokenizer.encode("ba bb"), (std::vector<TokenId>{1, 3, 5, 6, 5}));
}

TEST(GgufTokenizer, BosAndEosAreWhereTheKeysSay) {
  std::vector<Piece> pieces = small();
  pieces.push_back({"<start>", 0, 3});
  const Tokenizer other = Tokenizer::from_bytes(write(vocabulary(pieces, 6, 1)).model, "t");
  EXPECT_EQ(other.bos_id(), 6);
  EXPECT_EQ(other.eos_id(), 1);
  const Tokenizer none = Tokenizer::from_bytes(write(vocabulary(small(), 0xffffffff, 99)).model, "t");
  EXPECT_EQ(none.bos_id(), -1);
  EXPECT_EQ(none.eos_id(), -1);
}

TEST(GgufTokenizer, ThereIsOneUnknownPiece) {
  std::vector<Piece> pieces = small();
  pieces[0].type = 3;  // as conversions from tokenizer.json have it
  EXPECT_NE(write(vocabulary(pieces, 1, 2)).model, "");
  pieces[4].type = 2;
  pieces[5].type = 2;
  EXPECT_NE(write(vocabulary(pieces, 1, 2)).model, "");
}

TEST(GgufTokenizer, OtherKindsAreLeftToTheirOwnFiles) {
  GgufWriter writer;
  writer.string("tokenizer.ggml.model", "gpt2");
  const Written written = write(writer);
  EXPECT_EQ(written.model, "");
  EXPECT_EQ(written.warnings,
            (std::vector<std::string>{"x.gguf: its tokenizer is of the kind 'gpt2', for which no file is "
                                      "written: add the model's tekken.json or tokenizer files"}));
}

TEST(GgufTokenizer, WhatSentencePieceRefusesIsNotWritten) {
  std::vector<Piece> pieces = small();
  pieces.push_back(pieces.back());
  const Written written = write(vocabulary(pieces, 1, 2));
  EXPECT_EQ(written.model, "");
  ASSERT_EQ(written.warnings.size(), 1U);
  EXPECT_EQ(
      written.warnings[0],
      "x.gguf: no tokenizer.model is written: add the model's own (tokenizer.model: expected a SentencePiece "
      "model, found one that the library refuses: 'b is already defined.')");
}

TEST(GgufTokenizer, WarnsOfPromptsThatShouldNotBeginWithBos) {
  GgufWriter writer = vocabulary(small(), 1, 2);
  writer.boolean("tokenizer.ggml.add_bos_token", false);
  EXPECT_EQ(write(writer).warnings,
            (std::vector<std::string>{
                "x.gguf: key 'tokenizer.ggml.add_bos_token' is false, and every prompt will begin "
                "with BOS all the same"}));
}

TEST(GgufTokenizer, RefusesListsThatDoNotMatch) {
  GgufWriter writer;
  writer.string("tokenizer.ggml.model", "llama").array("tokenizer.ggml.tokens", 8, 1, gguf_string("a"));
  EXPECT_EQ(testing::error_of([&] { write(writer); }),
            "x.gguf: key 'tokenizer.ggml.scores': expected 1 of them, one for each token, found nothing");
  writer.array("tokenizer.ggml.scores", 6, 1, "1234")
      .array("tokenizer.ggml.token_type", 5, 1, little_endian(7, 4));
  EXPECT_EQ(testing::error_of([&] { write(writer); }),
            "x.gguf: key 'tokenizer.ggml.token_type': expected types from 1 to 6, found 7");
}

}  // namespace
}  // namespace tramontane
