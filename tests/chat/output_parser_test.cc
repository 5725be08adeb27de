#include "tramontane/output_parser.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "chat/parsed_text.h"
#include "support/error_of.h"
#include "tokenizer/model_writer.h"

namespace tramontane {
namespace {

using nlohmann::json;

/// A vocabulary of marks, bytes and the pieces that a test needs, and its tokenizer.
class Vocabulary {
 public:
  explicit Vocabulary(bool add_dummy_prefix) {
    model_.byte_fallback = true;
    model_.add_dummy_prefix = add_dummy_prefix;
    add("<unk>", SentencePiece::Type::unknown);
    for (int byte = 0; byte < 256; byte++) add(fmt_byte(byte), SentencePiece::Type::byte);
    for (const char* mark :
         {"<s>", "</s>", "[INST]", "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", "[THINK]", "[/THINK]"}) {
      add(mark, SentencePiece::Type::control);
    }
    add("▁");
  }

  void add(const std::string& piece, SentencePiece::Type type = SentencePiece::Type::normal) {
    if (!ids_.emplace(piece, static_cast<TokenId>(model_.pieces.size())).second) return;
    model_.pieces.push_back({piece, -static_cast<float>(model_.pieces.size()), type});
  }
  TokenId operator[](const std::string& piece) const { return ids_.at(piece); }
  TokenId byte(unsigned char value) const { return 1 + value; }

  Tokenizer tokenizer() const {
    return Tokenizer::from_bytes(write_sentencepiece_model(model_), "test.model");
  }

 private:
  static std::string fmt_byte(int byte) {
    char text[8];
    std::snprintf(text, sizeof text, "<0x%02X>", static_cast<unsigned>(byte));
    return text;
  }

  SentencePieceModel model_;
  std::map<std::string, TokenId> ids_;
};

/// The message that `ids` make, whose deltas must join to it.
ParsedOutput parse(const Tokenizer& tokenizer, const std::vector<TokenId>& ids,
                   const OutputParserOptions& options = {}) {
  OutputParser parser(tokenizer, options);
  std::vector<OutputDelta> deltas;
  const auto keep = [&](std::vector<OutputDelta> more) {
    for (OutputDelta& delta : more) deltas.push_back(std::move(delta));
  };
  for (const TokenId id : ids) keep(parser.push(id));
  keep(parser.finish());
  EXPECT_EQ(joined(deltas), joined(parser.output().message));
  return parser.output();
}

std::string from_hexadecimal(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// The case's tokens, in a vocabulary that is made to have them.
std::vector<TokenId> tokens_of(const json& golden, Vocabulary& vocabulary) {
  std::vector<TokenId> ids;
  for (const json& token : golden["tokens"]) {
    if (token.is_object()) {
      ids.push_back(vocabulary[token["mark"].get<std::string>()]);
    } else if (golden["tokenizer"] == "tekken") {
      for (const char byte : from_hexadecimal(token.get<std::string>())) {
        ids.push_back(vocabulary.byte(static_cast<unsigned char>(byte)));
      }
    } else {
      vocabulary.add(token.get<std::string>());
      ids.push_back(vocabulary[token.get<std::string>()]);
    }
  }
  return ids;
}

TEST(OutputParser, GivesBackWhatMistralCommonEncoded) {
  const json golden = json::parse(std::ifstream(TEST_GOLDEN "/output_parser.json"));
  ASSERT_EQ(golden["cases"].size(), 54U);
  for (const json& one : golden["cases"]) {
    Vocabulary vocabulary(one["tokenizer"] == "sentencepiece");
    const std::vector<TokenId> ids = tokens_of(one, vocabulary);
    ParsedOutput output = parse(vocabulary.tokenizer(), ids);
    EXPECT_EQ(output.malformed, 0) << one;
    ParsedOutput expected;
    for (const json& part : one["content"]) {
      if (part.contains("think")) {
        expected.message.content.push_back({ContentPart::Kind::think, part["think"], part["closed"]});
      } else {
        expected.message.content.push_back({ContentPart::Kind::text, part["text"]});
      }
    }
    for (const json& call : one["calls"]) {
      expected.message.tool_calls.push_back({call["id"], call["name"], call["arguments"]});
    }
    if (!one["ids_encoded"].get<bool>()) {
      for (auto* calls : {&output.message.tool_calls, &expected.message.tool_calls}) {
        for (ToolCall& call : *calls) call.id.clear();
      }
    }
    EXPECT_EQ(to_text(output), to_text(expected)) << one;
  }
}

class OutputParserWithPieces : public ::testing::Test {
 protected:
  OutputParserWithPieces() {
    for (const char* piece : {"▁Hello", "▁world", "[TOOL_CALLS]x", "[ARG", "S]", "▁f", "▁{}", "f", "{}"}) {
      vocabulary.add(piece);
    }
  }
  std::string parsed(const std::vector<std::string>& pieces, const OutputParserOptions& options = {}) const {
    std::vector<TokenId> ids;
    for (const std::string& piece : pieces) ids.push_back(vocabulary[piece]);
    return to_text(parse(vocabulary.tokenizer(), ids, options));
  }
  Vocabulary vocabulary{true};
};

TEST_F(OutputParserWithPieces, MarksAreTokensAndNeverText) {
  EXPECT_EQ(parsed({"[TOOL_CALLS]x", "[ARG", "S]", "{}"}), "text([TOOL_CALLS]x[ARGS]{})");
  EXPECT_EQ(parsed({"[TOOL_CALLS]", "▁f", "[ARG", "S]", "{}"}), "text([TOOL_CALLS]f[ARGS]{})");
}

TEST_F(OutputParserWithPieces, OtherControlTokensHaveNoText) {
  EXPECT_EQ(parsed({"▁Hello", "[INST]", "▁world", "</s>"}), "text(Hello world)");
}

TEST_F(OutputParserWithPieces, TheTokenizersOwnSpaceStartsNoText) {
  EXPECT_EQ(parsed({"▁Hello", "▁world"}), "text(Hello world)");
  EXPECT_EQ(parsed({"▁", "▁Hello"}), "text( Hello)");
  EXPECT_EQ(parsed({"<0x20>", "f"}), "text( f)");
  EXPECT_EQ(parsed({"[THINK]", "▁Hello", "[/THINK]", "▁world"}), "think(Hello) text(world)");
}

TEST_F(OutputParserWithPieces, AnAnswerThatGoesOnKeepsItsSpace) {
  EXPECT_EQ(parsed({"▁world", "[THINK]", "▁Hello"}, {.continues = true}), "text( world) think(Hello)...");
  EXPECT_EQ(parsed({"▁world", "[/THINK]"}, {.continues = true, .in_reasoning = true}), "think( world)");
}

TEST_F(OutputParserWithPieces, BytesThatAMarkCutsShortAreReplaced) {
  EXPECT_EQ(
      parsed({"<0xE2>", "<0x82>", "[THINK]", "<0xAC>", "[/THINK]", "<0xE2>", "<0x82>", "<0xAC>", "<0xC3>"}),
      "text(��) think(�) text(€�)");
}

TEST_F(OutputParserWithPieces, ACallIsADeltaOfItsOwnOnceItIsWhole) {
  OutputParser parser(vocabulary.tokenizer());
  for (const char* piece : {"[TOOL_CALLS]", "f", "[ARGS]", "{}"}) {
    EXPECT_TRUE(parser.push(vocabulary[piece]).empty());
  }
  const auto deltas = parser.push(vocabulary["[TOOL_CALLS]"]);
  ASSERT_EQ(deltas.size(), 1U);
  EXPECT_EQ(deltas[0].kind, OutputDelta::Kind::tool_call);
  EXPECT_EQ(deltas[0].call.name, "f");
  EXPECT_EQ(parser.output().message.tool_calls.size(), 1U);
}

TEST_F(OutputParserWithPieces, AnIdOutsideTheVocabularyIsAnError) {
  OutputParser parser(vocabulary.tokenizer());
  EXPECT_EQ(testing::error_of([&] { parser.push(-1); }).find("token: expected an id from 0 to"), 0U);
}

TEST(OutputParser, AVocabularyWithoutMarksMakesContent) {
  const Tokenizer tokenizer = Tokenizer::load(TEST_DATA "/stories260k");
  EXPECT_EQ(to_text(parse(tokenizer, tokenizer.encode_text("Once upon a time"))), "text(Once upon a time)");
}

}  // namespace
}  // namespace tramontane
