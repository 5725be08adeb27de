#include "tokenizer/plain_bpe.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tramontane {
namespace {

using Strings = std::vector<std::string>;

constexpr TokenId kFirstByte = 1000;

std::array<TokenId, 256> byte_ids() {
  std::array<TokenId, 256> ids{};
  for (std::size_t byte = 0; byte < 256; byte++) ids[byte] = kFirstByte + static_cast<TokenId>(byte);
  return ids;
}

/// A vocabulary of its own for each seed: pieces over few characters, with spaces anywhere in one of three,
/// several of one score, characters of pieces that are none themselves, and symbols.
struct RandomModel {
  explicit RandomModel(std::mt19937& random) {
    const Strings characters = {"a", "b", "c", "é", "漢", "😀", "▁"};
    const bool spaces_anywhere = random() % 3 == 0;
    for (unsigned n = random() % 60; n > 0; n--) {
      std::string piece;
      if (random() % 3 == 0) piece = "▁";
      for (unsigned left = 1 + random() % 4; left > 0; left--) {
        piece += characters[random() % (characters.size() - (spaces_anywhere ? 0 : 1))];
      }
      scores.emplace(piece, -static_cast<float>(random() % 30));
    }
    for (const std::string& character : characters) {
      if (random() % 8 != 0) scores.emplace(character, -100.0F);
    }
    for (unsigned n = random() % 3; n > 0; n--) {
      symbols.push_back(random() % 2 == 0 ? "ab" : "[x]");
      scores.emplace(symbols.back(), 0.0F);
    }
    dummy_prefix = random() % 2 == 0;
  }

  PlainBpe bpe() const {
    std::vector<PlainBpe::Piece> pieces;
    for (const auto& [piece, score] : scores) pieces.push_back({piece, score, id_of(piece)});
    return PlainBpe(pieces, byte_ids(), dummy_prefix, symbols);
  }

  TokenId id_of(const std::string& piece) const {
    return static_cast<TokenId>(std::distance(scores.begin(), scores.find(piece)));
  }

  std::map<std::string, float> scores;
  Strings symbols;
  bool dummy_prefix = false;
};

/// As it is defined: of all neighbours that together are a piece the best score, leftmost, again and again;
/// no symbol takes part.
std::vector<TokenId> encode_slowly(const RandomModel& model, const std::string& text) {
  struct Part {
    std::string text;
    bool symbol;
  };
  std::string spaced = model.dummy_prefix && !text.empty() ? "▁" : "";
  for (const char c : text) spaced += c == ' ' ? "▁" : std::string(1, c);
  std::vector<Part> parts;
  for (std::size_t at = 0; at < spaced.size(); at += parts.back().text.size()) {
    const auto lead = static_cast<unsigned char>(spaced[at]);
    parts.push_back({spaced.substr(at, lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4), false});
    for (const std::string& symbol : model.symbols) {
      if (spaced.compare(at, symbol.size(), symbol) == 0) parts.back() = {symbol, true};
    }
  }
  const auto score = [&](std::size_t i) {
    const auto found = model.scores.find(parts[i].text + parts[i + 1].text);
    const bool merges = found != model.scores.end() && !parts[i].symbol && !parts[i + 1].symbol;
    return merges ? found->second : -1e9F;
  };
  while (true) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < parts.size(); i++) best = score(i) > score(best) ? i : best;
    if (parts.size() < 2 || score(best) == -1e9F) break;
    parts[best].text += parts[best + 1].text;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
  std::vector<TokenId> ids;
  for (const Part& part : parts) {
    if (model.scores.contains(part.text)) {
      ids.push_back(model.id_of(part.text));
    } else {
      for (const char byte : part.text) ids.push_back(kFirstByte + static_cast<unsigned char>(byte));
    }
  }
  return ids;
}

TEST(PlainBpe, MergesAsDefinedWhateverTheVocabulary) {
  std::mt19937 random(11);
  const Strings parts = {"a", "b", "c", "é", "漢", "😀", "▁", " ", "  ", "x", "[x]", "\n", "ab"};
  for (int round = 0; round < 400; round++) {
    const RandomModel model(random);
    const PlainBpe bpe = model.bpe();
    for (unsigned longest : {1U, 6U, 12U, 12U, 60U}) {
      std::string text;
      for (unsigned n = random() % (longest + 1); n > 0; n--) text += parts[random() % parts.size()];
      const auto expected = encode_slowly(model, text);
      ASSERT_EQ(bpe.encode(text), expected) << text;
      ASSERT_EQ(bpe.encode(text), expected) << "with what it remembers: " << text;
    }
  }
}

TEST(PlainBpe, MergesAsDefinedInWordsOfManyParts) {
  std::mt19937 random(12);
  for (int round = 0; round < 30; round++) {
    const RandomModel model(random);
    std::string text;
    for (unsigned n = 100 + random() % 200; n > 0; n--) text += "abc"[random() % 3];
    ASSERT_EQ(model.bpe().encode(text), encode_slowly(model, text)) << text;
  }
}

}  // namespace
}  // namespace tramontane
