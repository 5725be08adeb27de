#include "tokenizer/model_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "tokenizer/models.h"
#include "tokenizer/proto_writer.h"

namespace tramontane {
namespace {

/// The part of the message after "found "; empty when the model is fine.
std::string found(const ModelWriter& model) {
  const std::string error = testing::error_or_none([&] { Tokenizer::from_bytes(model.bytes(), "m"); });
  const std::string start = "m: expected a SentencePiece model, found ";
  EXPECT_TRUE(error.empty() || error.starts_with(start)) << error;
  return error.empty() ? "" : error.substr(start.size());
}

std::string found_with_piece(const std::string& piece) {
  ModelWriter model;
  model.pieces += piece;
  return found(model);
}

TEST(ModelFile, AcceptsAModelByHand) {
  EXPECT_EQ(found(ModelWriter()), "");
  const Tokenizer tokenizer = Tokenizer::from_bytes(ModelWriter().bytes(), "m");
  EXPECT_EQ(tokenizer.vocab_size(), 5);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.encode("ab"), (std::vector<TokenId>{1, 0, 4}));  // <s>, the dummy prefix is unknown, ab
}

TEST(ModelFile, RefusesBytesOfOtherFormats) {
  const auto error = [](std::string_view bytes) {
    return error_of([&] { Tokenizer::from_bytes(bytes, "m"); });
  };
  EXPECT_EQ(
      error("{\"config\": {}}"),
      "m: expected a SentencePiece model, found a broken or cut field at byte 0 of 14 bytes of the model");
  EXPECT_EQ(
      error(std::string(100, '\0')),
      "m: expected a SentencePiece model, found a broken or cut field at byte 0 of 100 bytes of the model");
  EXPECT_EQ(
      error("version https://git-lfs.github.com/spec/v1\n"),
      "m: expected a SentencePiece model, found a broken or cut field at byte 0 of 43 bytes of the model");
  EXPECT_EQ(error(""), "m: expected a SentencePiece model, found an empty file");
  EXPECT_EQ(error(std::string(kLargestModelFile + 1, '\n')),
            "m: expected a SentencePiece model, found 16777217 bytes");
}

TEST(ModelFile, RefusesAModelThatLacksAPart) {
  ModelWriter model;
  model.pieces = "";
  EXPECT_EQ(found(model), "no pieces");
  EXPECT_EQ(error_of([] { Tokenizer::from_bytes(ModelWriter().pieces, "m"); }),
            "m: expected a SentencePiece model, found no trainer_spec");
  EXPECT_EQ(error_of([] { Tokenizer::from_bytes(ModelWriter().pieces + field_bytes(2, ""), "m"); }),
            "m: expected a SentencePiece model, found no normalizer_spec");
}

TEST(ModelFile, RefusesPartsThatComeTwice) {
  ModelWriter model;
  model.more = field_bytes(2, "");
  EXPECT_EQ(found(model), "a second trainer_spec");
  model.more = field_bytes(3, "");
  EXPECT_EQ(found(model), "a second normalizer_spec");
}

TEST(ModelFile, RefusesPiecesThatTheLibraryTrusts) {
  using namespace std::string_view_literals;
  EXPECT_EQ(found_with_piece(piece_field("a\0b"sv)), "a NUL in a piece: 'a\\x00b'");
  EXPECT_EQ(found_with_piece(piece_field("\xe2\x96")), "a piece that is not UTF-8: '\\xe2\\x96'");
  EXPECT_EQ(found_with_piece(piece_field("")), "piece 5 without text");
  EXPECT_EQ(found_with_piece(field_bytes(1, "")), "piece 5 without text");
  EXPECT_EQ(found_with_piece(piece_field(std::string(1025, 'x'))), "a piece of 1025 bytes");
  EXPECT_EQ(found_with_piece(piece_field(std::string(1024, 'x'))), "");
  EXPECT_EQ(found_with_piece(piece_field("x", kNormal, std::numeric_limits<float>::quiet_NaN())),
            "a score that is not a number");
  EXPECT_EQ(found_with_piece(piece_field("x", static_cast<PieceType>(7))), "type 7");
  EXPECT_EQ(found_with_piece(field_varint(1, 7)), "pieces of wire type 0");
  EXPECT_EQ(found_with_piece(field_bytes(1, field_varint(1, 7))), "piece of wire type 0");
  EXPECT_EQ(found_with_piece(field_bytes(1, field_bytes(1, "x") + "\x15\x01")),
            "a broken or cut field at byte 3 of 5 bytes of a piece");
}

TEST(ModelFile, PassesOnWhatTheLibraryRefuses) {
  EXPECT_EQ(found_with_piece(piece_field("a")), "one that the library refuses: 'a is already defined.'");
  EXPECT_EQ(found_with_piece(piece_field("<2>", kUnknown)),
            "one that the library refuses: 'unk is already defined.'");
  ModelWriter model;
  model.pieces = piece_field("a");
  EXPECT_EQ(found(model), "one that the library refuses: 'unk is not defined.'");
  model = ModelWriter();
  model.trainer_spec += field_varint(35, 1);
  EXPECT_EQ(
      found(model),
      "one that the library refuses: 'there are not 256 byte pieces although `byte_fallback` is true.'");
}

TEST(ModelFile, RefusesTooManyPieces) {
  std::string pieces;
  for (int i = 0; i <= 1 << 20; i++) pieces += piece_field("x");  // refused before anything is built of them
  EXPECT_EQ(found_with_piece(pieces), "more than 1048576 pieces");
}

TEST(ModelFile, RefusesMoreNestedSymbolsThanTheLibraryHasRoomFor) {
  const auto nested = [](std::size_t count) {
    std::string pieces = piece_field("xa", kUserDefined) + piece_field("y", kUserDefined);
    for (std::size_t i = 1; i <= count; i++) pieces += piece_field(std::string(i, 'x'), kUserDefined);
    return pieces;
  };
  EXPECT_EQ(found_with_piece(nested(64)), "");
  EXPECT_EQ(found_with_piece(nested(65)), "more than 64 user-defined symbols that start with each other");
}

TEST(ModelFile, RefusesSpecsOutOfRange) {
  ModelWriter model;
  model.trainer_spec = field_varint(3, 5);
  EXPECT_EQ(found(model), "model_type 5");
  model.trainer_spec = field_varint(3, ~std::uint64_t{0});
  EXPECT_EQ(found(model), "model_type 18446744073709551615");
  model.trainer_spec = field_bytes(1, std::string(1 << 20, 'x'));
  EXPECT_EQ(found(model), "a trainer_spec of 1048580 bytes");
  model.trainer_spec = field_bytes(44, "\xff");
  EXPECT_EQ(found(model), "unk_surface that is not UTF-8: '\\xff'");
  model = ModelWriter();
  model.normalizer_spec = field_varint(3, 2);
  EXPECT_EQ(found(model), "add_dummy_prefix 2");
  model.normalizer_spec = field_bytes(4, "yes");
  EXPECT_EQ(found(model), "remove_extra_whitespaces of wire type 2");
  model.normalizer_spec = field_bytes(2, "12345");
  EXPECT_EQ(found(model), "a precompiled_charsmap with less than a trie");
}

TEST(ModelFile, RefusesDenormalisation) {
  ModelWriter model;
  model.more = field_bytes(5, field_varint(3, 0));
  EXPECT_EQ(found(model), "") << "an empty specification";
  model.more = field_bytes(5, field_bytes(2, "rules"));
  EXPECT_EQ(found(model), "denormalizer_spec rules, which are not supported");
}

TEST(ModelFile, RefusesBytePiecesWithoutByteFallback) {
  EXPECT_EQ(found_with_piece(piece_field("<0x41>", kByte)), "byte pieces without byte_fallback");
  EXPECT_EQ(found_with_piece(piece_field("<0x41>")), "byte pieces without byte_fallback");
}

TEST(ModelFile, DropsTheSelfTestWhichTheLibraryWouldReportOnStderr) {
  ModelWriter model;
  model.more = field_bytes(4, field_bytes(1, field_bytes(1, "ab") + field_bytes(2, "never this")));
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(found(model), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(ModelFile, ReadsTheLastOfRepeatedValuesAsProtocolBuffersDo) {
  ModelWriter model;
  model.normalizer_spec = field_varint(3, 1) + field_varint(3, 0) + field_varint(4, 1) + field_varint(4, 0);
  const ModelFile file = check_model_file(model.bytes(), "m");
  EXPECT_FALSE(file.add_dummy_prefix);
  EXPECT_FALSE(file.remove_extra_whitespaces);
  EXPECT_EQ(file.type, ModelType::bpe);
}

}  // namespace
}  // namespace tramontane
