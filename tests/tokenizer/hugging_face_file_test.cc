#include "tokenizer/hugging_face_file.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "support/error_of.h"

namespace tramontane {
namespace {

using nlohmann::json;

json added(int id, const char* content, bool special = false) {
  return {{"id", id},        {"content", content}, {"special", special}, {"single_word", false},
          {"lstrip", false}, {"rstrip", false},    {"normalized", false}};
}

json smallest() {
  return {{"added_tokens", {added(0, "<s>", true), added(5, "<tool>")}},
          {"decoder", {{"type", "Fuse"}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<s>"},
            {"vocab", {{"<s>", 0}, {"a", 1}, {"b", 2}, {"ab", 3}, {"<0x0A>", 4}}},
            {"merges", {"a b"}}}}};
}

HuggingFaceFile read(const json& file) { return read_hugging_face_file(file.dump(), "tokenizer.json"); }

/// What is wrong after `change`, without the file's name.
std::string error_after(const std::function<void(json&)>& change) {
  json file = smallest();
  change(file);
  const std::string error = testing::error_or_none([&] { read(file); });
  const std::string name = "tokenizer.json: ";
  return error.starts_with(name) ? error.substr(name.size()) : error;
}

/// The same with `value` in the place that `pointer` names.
std::string error_with(const char* pointer, const json& value) {
  return error_after([&](json& file) { file[json::json_pointer(pointer)] = value; });
}

TEST(HuggingFaceFile, ReadsPiecesMergesAndAddedTokens) {
  const HuggingFaceFile file = read(smallest());
  EXPECT_EQ(file.pieces, (std::vector<std::string>{"<s>", "a", "b", "ab", "<0x0A>", "<tool>"}));
  EXPECT_EQ(file.special, (std::vector<bool>{true, false, false, false, false, false}));
  EXPECT_EQ(file.model.pieces, (std::vector<std::string>{"", "a", "b", "ab", "<0x0A>", ""}));
  EXPECT_EQ(file.model.unk_id, 0);
  EXPECT_EQ(file.model.byte_ids[10], 4);
  EXPECT_EQ(file.model.byte_ids[11], -1);
  ASSERT_EQ(file.model.merges.size(), 1U);
  EXPECT_EQ(file.model.merges[0].merged, 3);
}

TEST(HuggingFaceFile, ReadsMergesInBothForms) {
  for (const json& merges : {json::array({"#version: 0.2", "a b"}), json::array({json::array({"a", "b"})})}) {
    json file = smallest();
    file["model"]["merges"] = merges;
    EXPECT_EQ(read(file).model.merges.size(), 1U) << merges;
  }
}

TEST(HuggingFaceFile, ReadsWhatOldFilesLeaveOutOrEmpty) {
  json file = smallest();
  file["model"].erase("type");
  file["model"]["unk_token"] = "";
  EXPECT_EQ(read(file).model.unk_id, -1);
}

TEST(HuggingFaceFile, APieceMayHoldNul) {
  json file = smallest();
  file["model"]["vocab"].erase("<0x0A>");
  file["model"]["vocab"][std::string(1, '\0')] = 4;
  EXPECT_EQ(read(file).pieces[4], std::string(1, '\0'));
}

TEST(HuggingFaceFile, LeavesOutMergesOfControlTokens) {
  json file = smallest();
  file["added_tokens"].push_back(added(3, "ab", true));
  EXPECT_TRUE(read(file).model.merges.empty());
}

TEST(HuggingFaceFile, RefusesOtherModels) {
  EXPECT_EQ(error_with("/model/type", "Unigram"), "key 'model.type': expected 'BPE', found 'Unigram'");
  EXPECT_EQ(error_with("/model", nullptr), "key 'model': expected an object, found nothing");
  EXPECT_EQ(error_with("/model/dropout", 0.1), "key 'model.dropout': expected null, found 0.1");
  EXPECT_EQ(error_with("/model/end_of_word_suffix", "</w>"),
            "key 'model.end_of_word_suffix': expected null, found '</w>'");
  EXPECT_EQ(error_with("/model/other", 1), "key 'model.other': expected nothing, found 1");
  EXPECT_EQ(error_with("/model/unk_token", "c"),
            "key 'model.unk_token': expected a piece of the vocabulary, found 'c'");
  EXPECT_EQ(error_after([](json& file) {
              file["model"]["byte_fallback"] = true;
              file["pre_tokenizer"] = {{"type", "ByteLevel"}};
            }),
            "key 'model.byte_fallback': expected false, as the text is cut into bytes, found true");
}

TEST(HuggingFaceFile, RefusesBadVocabularies) {
  EXPECT_EQ(error_with("/model/vocab", json::object()),
            "key 'model.vocab': expected an object with the ids of pieces, found an object");
  EXPECT_EQ(error_with("/model/vocab/c", -1),
            "key 'model.vocab.c': expected an integer in 0..1048575, found -1");
  EXPECT_EQ(error_with("/model/vocab/c", 3),
            "key 'model.vocab': expected an id of its own for each piece, found 3 for 'ab' and 'c'");
  EXPECT_EQ(error_with("/model/vocab", {{std::string(1025, 'a'), 0}}).substr(0, 70),
            "key 'model.vocab': expected pieces of 1 to 1024 bytes, found 'aaaaaaaa");
}

TEST(HuggingFaceFile, RefusesBadMerges) {
  const std::string expected = "expected two pieces that together are one, found ";
  EXPECT_EQ(error_with("/model/merges/0", "b a"), "key 'model.merges[0]': " + expected + "'b a'");
  EXPECT_EQ(error_with("/model/merges/0", "a  b"), "key 'model.merges[0]': " + expected + "'a  b'");
  EXPECT_EQ(error_with("/model/merges/0", {"a"}), "key 'model.merges[0]': " + expected + R"('["a"]')");
  EXPECT_EQ(error_with("/model/merges/0", 1), "key 'model.merges[0]': " + expected + "1");
  EXPECT_EQ(error_with("/model/merges", nullptr),
            "key 'model.merges': expected a list of at most 4194304 pairs, found nothing");
}

TEST(HuggingFaceFile, RefusesBadAddedTokens) {
  EXPECT_EQ(error_with("/added_tokens/1/id", 6), "key 'added_tokens[1].id': expected 5, found 6");
  EXPECT_EQ(error_with("/added_tokens/0/id", 1), "key 'added_tokens[0].id': expected 0, found 1");
  EXPECT_EQ(error_with("/added_tokens/1/content", "<s>"),
            "key 'added_tokens[1].content': expected another text than of those before, found '<s>'");
  EXPECT_EQ(error_with("/added_tokens/1/content", ""),
            "key 'added_tokens[1].content': expected a text of 1 to 1024 bytes, found ''");
  EXPECT_EQ(error_with("/added_tokens/1/lstrip", nullptr),
            "key 'added_tokens[1].lstrip': expected true or false, found nothing");
  EXPECT_EQ(error_with("/added_tokens", 1), "key 'added_tokens': expected a list, found 1");
}

TEST(HuggingFaceFile, RefusesNormalizersThatItCannotFollow) {
  EXPECT_EQ(error_with("/normalizer", {{"type", "NFC"}}),
            "key 'normalizer.type': expected 'Prepend' or 'Replace', or a Sequence of these, found 'NFC'");
  EXPECT_EQ(error_with("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "Lowercase"}}}}}),
            "key 'normalizer.normalizers[0].type': expected 'Prepend' or 'Replace', or a Sequence of these, "
            "found 'Lowercase'");
  EXPECT_EQ(error_with("/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "a"}}}, {"content", "b"}}),
            "key 'normalizer.pattern.Regex': expected nothing, found 'a'");
}

TEST(HuggingFaceFile, RefusesPreTokenizersThatItCannotFollow) {
  const std::string expected =
      "expected 'Metaspace', 'ByteLevel', or Splits and then perhaps ByteLevel, found ";
  EXPECT_EQ(error_with("/pre_tokenizer", {{"type", "Whitespace"}}),
            "key 'pre_tokenizer.type': " + expected + "'Whitespace'");
  json split = {
      {"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Isolated"}, {"invert", false}};
  EXPECT_EQ(error_with("/pre_tokenizer", split), "");
  split["behavior"] = "Removed";
  EXPECT_EQ(error_with("/pre_tokenizer", split),
            "key 'pre_tokenizer.behavior': expected 'Isolated', found 'Removed'");
  split["behavior"] = "Isolated";
  split["pattern"] = {{"Regex", "^a"}};
  EXPECT_EQ(error_with("/pre_tokenizer", split),
            "key 'pre_tokenizer.pattern': expected an expression without '^', found an object");
  EXPECT_EQ(error_with("/pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "_"}}),
            "key 'pre_tokenizer.replacement': expected U+2581, found '_'");
}

TEST(HuggingFaceFile, RefusesDecodersThatItCannotFollow) {
  const std::string expected =
      "'ByteLevel', or of Metaspace or Replace, ByteFallback, Fuse and Strip some, in this order, found ";
  EXPECT_EQ(error_with("/decoder", nullptr), "key 'decoder': expected " + expected + "nothing");
  EXPECT_EQ(error_with("/decoder", {{"type", "WordPiece"}}),
            "key 'decoder.type': expected " + expected + "'WordPiece'");
  EXPECT_EQ(error_with("/decoder", {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}),
            "key 'decoder.type': expected " + expected + "'Strip'");
}

TEST(HuggingFaceFile, RefusesPostProcessorsThatItCannotFollow) {
  EXPECT_EQ(
      error_with("/post_processor", {{"type", "BertProcessing"}}),
      "key 'post_processor.type': expected 'ByteLevel' or one TemplateProcessing, found 'BertProcessing'");
}

}  // namespace
}  // namespace tramontane
