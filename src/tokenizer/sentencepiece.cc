#include <sentencepiece_processor.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <optional>

#include "core/fail.h"
#include "core/utf8.h"
#include "tokenizer/byte_text.h"
#include "tokenizer/model_file.h"
#include "tokenizer/plain_bpe.h"
#include "tokenizer/tokenizer_files.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

/// What a piece is to the decoder.
enum class PieceKind : unsigned char { text, control, unknown, byte };

/// The SentencePiece library behind a model that was checked. SentencePieceProcessor's const members keep no
/// state of their own in encoding and decoding (their random generator, which only sampling uses, is
/// thread-local).
class SentencePieceTokenizer final : public Tokenizer::Impl {
 public:
  SentencePieceTokenizer(std::string_view bytes, std::string_view name);

  std::string_view kind() const override;
  std::string version() const override { return version_; }
  int vocab_size() const override { return static_cast<int>(pieces_.size()); }
  TokenId bos_id() const override { return processor_.bos_id(); }
  TokenId eos_id() const override { return processor_.eos_id(); }
  TokenId control_id(std::string_view name) const override;
  std::vector<TokenId> encode(std::string_view text) const override;
  std::string piece(TokenId id) const override { return processor_.IdToPiece(id); }
  std::string decode(std::span<const TokenId> ids) const override;
  std::string push(DecodeState& state, TokenId id) const override;
  std::string finish(DecodeState& state) const override;

 private:
  struct Piece {
    PieceKind kind;
    char byte;  // of PieceKind::byte
  };
  Piece classify(TokenId id) const;
  void make_plain_bpe(const std::vector<std::string>& symbols);
  std::string_view spelling(TokenId id) const { return processor_.IdToPiece(id); }
  /// From the start of a text, the decoder strips one space, or every space that starts a piece, or none.
  bool strips_a_space() const { return strips_all_spaces_ || add_dummy_prefix_; }

  sentencepiece::SentencePieceProcessor processor_;
  ModelType type_;
  bool add_dummy_prefix_;
  bool strips_all_spaces_;
  std::string unk_surface_;
  std::vector<Piece> pieces_;  // vocab_size of them
  TokenId unk_id_ = 0;
  std::string version_;
  std::optional<PlainBpe> plain_bpe_;  // which then encodes in the library's stead
};

SentencePieceTokenizer::SentencePieceTokenizer(std::string_view bytes, std::string_view name) {
  const ModelFile model = check_model_file(bytes, name);
  type_ = model.type;
  add_dummy_prefix_ = model.add_dummy_prefix;
  strips_all_spaces_ = model.remove_extra_whitespaces;
  unk_surface_ = model.unk_surface;
  std::string refusal;
  try {
    const auto status = processor_.LoadFromSerializedProto(model.proto);
    if (!status.ok()) refusal = status.error_message();
  } catch (const std::exception& error) {  // its trie builder throws
    refusal = error.what();
  }
  if (!refusal.empty()) {
    fail("{}: expected a SentencePiece model, found one that the library refuses: {}", name,
         printable(refusal));
  }
  pieces_.reserve(static_cast<std::size_t>(model.vocab_size));
  for (TokenId id = 0; id < model.vocab_size; id++) {
    pieces_.push_back(classify(id));
    if (processor_.IsUnknown(id)) unk_id_ = id;
  }
  if (model.plain) make_plain_bpe(model.symbols);
  version_ = version_of_name(name);
  if (version_.empty()) {
    version_ = version_of_control_tokens([this](std::string_view token) { return control_id(token) >= 0; });
  }
}

void SentencePieceTokenizer::make_plain_bpe(const std::vector<std::string>& symbols) {
  std::vector<PlainBpe::Piece> pieces;
  pieces.reserve(pieces_.size());
  std::array<TokenId, 256> byte_ids{};
  for (TokenId id = 0; id < vocab_size(); id++) {
    const auto [kind, byte] = pieces_[static_cast<std::size_t>(id)];
    if (kind == PieceKind::text) pieces.push_back({spelling(id), processor_.GetScore(id), id});
    if (kind == PieceKind::byte) byte_ids[static_cast<unsigned char>(byte)] = id;
  }
  plain_bpe_.emplace(pieces, byte_ids, add_dummy_prefix_, symbols);
}

/// The library decodes pieces by their text, so that of two pieces with one text the same one counts for
/// both.
SentencePieceTokenizer::Piece SentencePieceTokenizer::classify(TokenId id) const {
  const std::string& text = processor_.IdToPiece(id);
  const int meant = processor_.PieceToId(text);
  if (processor_.IsControl(meant)) return {PieceKind::control, 0};
  if (processor_.IsUnknown(meant)) return {PieceKind::unknown, 0};
  if (!processor_.IsByte(meant)) return {PieceKind::text, 0};
  unsigned value = 0;  // of "<0x0A>", a form that the library has checked
  std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  return {PieceKind::byte, static_cast<char>(value)};
}

std::string_view SentencePieceTokenizer::kind() const {
  switch (type_) {
    case ModelType::unigram:
      return "SentencePiece unigram";
    case ModelType::bpe:
      return "SentencePiece BPE";
    case ModelType::word:
      return "SentencePiece word";
    case ModelType::character:
      return "SentencePiece character";
  }
  return "?";
}

TokenId SentencePieceTokenizer::control_id(std::string_view name) const {
  const TokenId id = processor_.PieceToId(name);
  return processor_.IsControl(id) ? id : -1;
}

std::vector<TokenId> SentencePieceTokenizer::encode(std::string_view text) const {
  if (plain_bpe_) return plain_bpe_->encode(text);
  std::vector<int> ids;
  const auto status = processor_.Encode(text, &ids);
  if (!status.ok()) fail("prompt: SentencePiece cannot encode it: {}", printable(status.error_message()));
  std::size_t kept = 0;
  for (const int id : ids) {
    const bool unknown = id >= vocab_size();  // one of the byte pieces that the file lacks
    if (unknown && kept > 0 && ids[kept - 1] == unk_id_) continue;
    ids[kept++] = unknown ? unk_id_ : id;
  }
  ids.resize(kept);
  return ids;
}

/// As the library does, which takes six times as long.
std::string SentencePieceTokenizer::decode(std::span<const TokenId> ids) const {
  DecodeState state;
  std::string text;
  for (const TokenId id : ids) text += push(state, id);
  return text + finish(state);
}

void append_with_spaces(std::string_view piece, std::string& text) {
  for (std::size_t at; (at = piece.find(kMetaSpace)) != std::string_view::npos;) {
    text += piece.substr(0, at);
    text += ' ';
    piece.remove_prefix(at + kMetaSpace.size());
  }
  text += piece;
}

// SentencePiece's rules for decoding, one token at a time. Three things depend on what came before: a run of
// byte pieces is read as UTF-8 once it ends; spaces at the very start are stripped, as the model says; and
// the rule that puts one back looks at the first piece.
std::string SentencePieceTokenizer::push(DecodeState& state, TokenId id) const {
  std::string text;
  std::string_view piece = spelling(id);
  if (state.first && piece.starts_with(kMetaSpace)) text += ' ';
  state.first = false;

  const auto [kind, byte] = pieces_[static_cast<std::size_t>(id)];
  if (kind == PieceKind::byte) {
    state.bytes += byte;
    state.at_start = false;
    take_characters(state.bytes, text, Replace::each_byte);
    return text;
  }
  take_rest(state.bytes, text, Replace::each_byte);
  if (kind == PieceKind::control) return text;
  if (kind == PieceKind::unknown) {
    state.at_start = state.at_start && unk_surface_.empty();
    return text + unk_surface_;
  }
  if (state.at_start && piece.starts_with(kMetaSpace) && strips_a_space()) {
    piece.remove_prefix(kMetaSpace.size());
    state.at_start = strips_all_spaces_ && piece.empty();
  } else {
    state.at_start = false;
  }
  append_with_spaces(piece, text);
  return text;
}

std::string SentencePieceTokenizer::finish(DecodeState& state) const {
  std::string text;
  take_rest(state.bytes, text, Replace::each_byte);
  return text;
}

}  // namespace

std::shared_ptr<const Tokenizer::Impl> read_sentencepiece(std::string_view bytes, std::string_view name) {
  return std::make_shared<const SentencePieceTokenizer>(bytes, name);
}

}  // namespace tramontane
