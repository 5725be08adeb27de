#include <unordered_map>

#include "core/fail.h"
#include "tokenizer/byte_text.h"
#include "tokenizer/encode_caches.h"
#include "tokenizer/merge.h"
#include "tokenizer/pattern.h"
#include "tokenizer/tekken_file.h"
#include "tokenizer/tekken_pieces.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

/// A sequence of bytes within a text that is a token.
struct Token {
  const char* begin;
  std::uint32_t size;    // bytes
  std::uint32_t number;  // in the vocabulary
};

/// Mistral's byte-level BPE: a pattern cuts the text into pieces; a piece that is in the vocabulary is one
/// token, and in others the neighbours that together have the lowest number are merged first.
class Tekken final : public Tokenizer::Impl {
 public:
  Tekken(TekkenFile file, std::string_view name)
      : file_(std::move(file)),
        pattern_(file_.pattern, fmt::format("{}: key 'config.pattern'", name)),
        specials_(static_cast<TokenId>(file_.special_tokens.size())) {
    if (file_.pattern == kTekkenPattern) pieces_.emplace();
    for (TokenId id = 0; id < specials_; id++) ids_.emplace(special(id), id);
  }

  std::string_view kind() const override { return "tekken"; }
  std::string version() const override { return file_.version; }
  std::string model_settings() const override { return file_.model_settings; }
  int vocab_size() const override { return specials_ + static_cast<int>(file_.vocabulary.size()); }
  TokenId bos_id() const override { return control_id("<s>"); }
  TokenId eos_id() const override { return control_id("</s>"); }

  TokenId control_id(std::string_view name) const override {
    const auto found = ids_.find(name);
    return found == ids_.end() ? -1 : found->second;
  }

  std::vector<TokenId> encode(std::string_view text) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  std::string piece(TokenId id) const override;
  std::string push(DecodeState& state, TokenId id) const override;
  std::string finish(DecodeState& state) const override;

 private:
  const std::string& special(TokenId id) const { return file_.special_tokens[static_cast<std::size_t>(id)]; }
  /// Adds the text that `id` completes; what may become a character with more bytes stays in `bytes`.
  void append(TokenId id, std::string& bytes, std::string& text) const;

  TekkenFile file_;
  Pattern pattern_;
  std::optional<TekkenPieces> pieces_;  // where the pattern is the usual one
  PairCache pairs_;
  TokenId specials_;                                   // ids below are special tokens
  std::unordered_map<std::string_view, TokenId> ids_;  // of the special tokens; views into file_
};

std::vector<TokenId> Tekken::encode(std::string_view text) const {
  const ByteVocabulary& vocabulary = file_.vocabulary;
  WordCache words(text.size());
  const auto merge_of = [&](const Token& left, const Token& right) -> std::optional<Merge<Token>> {
    const std::uint32_t size = left.size + right.size;
    const auto number =
        pairs_.find(left.number, right.number, [&] { return vocabulary.find({left.begin, size}); });
    if (!number) return std::nullopt;
    return Merge<Token>{*number, {left.begin, size, *number}};
  };
  Merger<Token, decltype(merge_of)> merger(merge_of);
  std::vector<TokenId> ids;
  std::vector<Token> tokens;
  const auto encode_piece = [&](std::string_view piece) {
    const std::uint64_t hash = hash_bytes(piece);
    if (words.append(piece, hash, ids)) return;
    const std::size_t first = ids.size();
    if (const auto number = vocabulary.find(piece, hash)) {
      ids.push_back(specials_ + static_cast<TokenId>(*number));
    } else {
      tokens.clear();
      for (const char& byte : piece) tokens.push_back({&byte, 1, static_cast<unsigned char>(byte)});
      merger.run(tokens);
      for (const Token& token : tokens) ids.push_back(specials_ + static_cast<TokenId>(token.number));
    }
    words.add(piece, hash, first, ids);
  };
  if (pieces_) {
    pieces_->for_each(text, encode_piece);
  } else {
    pattern_.for_each(text, [&](std::string_view piece, bool is_match) {
      if (!is_match) fail("prompt: the tokenizer's pattern passes over {}", printable(piece));
      encode_piece(piece);
    });
  }
  return ids;
}

void Tekken::append(TokenId id, std::string& bytes, std::string& text) const {
  if (id < specials_) {
    take_rest(bytes, text, Replace::each_start);
    return;
  }
  bytes += file_.vocabulary[static_cast<std::uint32_t>(id - specials_)];
  take_characters(bytes, text, Replace::each_start);
}

std::string Tekken::decode(std::span<const TokenId> ids) const {
  std::string bytes;
  std::string text;
  for (const TokenId id : ids) append(id, bytes, text);
  take_rest(bytes, text, Replace::each_start);
  return text;
}

std::string Tekken::piece(TokenId id) const { return id < specials_ ? special(id) : decode({&id, 1}); }

std::string Tekken::push(DecodeState& state, TokenId id) const {
  std::string text;
  append(id, state.bytes, text);
  return text;
}

std::string Tekken::finish(DecodeState& state) const {
  std::string text;
  take_rest(state.bytes, text, Replace::each_start);
  return text;
}

}  // namespace

std::shared_ptr<const Tokenizer::Impl> read_tekken(std::string_view bytes, std::string_view name) {
  return std::make_shared<const Tekken>(read_tekken_file(bytes, std::string(name)), name);
}

}  // namespace tramontane
