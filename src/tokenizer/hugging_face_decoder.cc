#include "tokenizer/hugging_face_decoder.h"

#include <charconv>
#include <optional>

#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_text.h"

namespace tramontane {
namespace {

/// Of "<0x0A>".
std::optional<char> byte_of(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(&piece[3], &piece[5], value, 16);
  if (error != std::errc() || end != &piece[5]) return std::nullopt;
  return static_cast<char>(value);
}

}  // namespace

HuggingFaceDecoder::HuggingFaceDecoder(const HuggingFaceFile& file) : steps_(file.decoder) {
  pieces_.reserve(file.pieces.size());
  for (std::size_t id = 0; id < file.pieces.size(); id++) {
    pieces_.push_back(make_piece(file.pieces[id], file.special[id]));
  }
  for (const AddedToken& token : file.added_tokens) {  // which decode to what was found in the text
    if (token.normalized) {
      pieces_[static_cast<std::size_t>(token.id)] =
          make_piece(normalize(token.content, file.normalizer), token.special);
    }
  }
}

/// An id without a piece is passed over like a control token.
HuggingFaceDecoder::Piece HuggingFaceDecoder::make_piece(const std::string& spelled, bool special) const {
  Piece piece;
  piece.starts_with_space = spelled.starts_with(kMetaSpace);
  if (special || spelled.empty()) {
    piece.kind = Kind::control;
    return piece;
  }
  piece.text = spelled;
  if (steps_.bytes) {
    if (auto bytes = bytes_of_letters(spelled)) piece.text = std::move(*bytes);
    return piece;
  }
  for (const NormalizerStep& step : steps_.replacements) {
    piece.text = replace_all(piece.text, step.from, step.to);
  }
  if (const auto byte = steps_.byte_fallback ? byte_of(piece.text) : std::nullopt) {
    piece.kind = Kind::byte;
    piece.text = *byte;
  }
  return piece;
}

void HuggingFaceDecoder::push(Tokenizer::Impl::DecodeState& state, TokenId id, std::string& text) const {
  const Piece& piece = pieces_[static_cast<std::size_t>(id)];
  // A space that starts the first piece of all is kept, so that consecutive chunks join up.
  if (state.first && piece.starts_with_space) state.at_start = false;
  state.first = false;
  if (piece.kind == Kind::control) return;
  if (steps_.bytes) {
    state.bytes += piece.text;
    take_characters(state.bytes, text, Replace::each_start);
    return;
  }
  std::string added;
  if (piece.kind == Kind::byte) {
    state.bytes += piece.text;
    take_characters(state.bytes, added, Replace::each_byte);
  } else {
    take_rest(state.bytes, added, Replace::each_byte);
    const bool strips = state.at_start && steps_.strip_metaspaces;
    added += steps_.metaspace ? replace_all(piece.text, kMetaSpace, strips ? "" : " ") : piece.text;
  }
  if (steps_.strip_metaspaces) {
    state.at_start = false;  // this was the first piece
  } else if (state.at_start && !added.empty()) {
    if (steps_.strip_space && added.starts_with(' ')) added.erase(0, 1);
    state.at_start = false;
  }
  text += added;
}

void HuggingFaceDecoder::finish(Tokenizer::Impl::DecodeState& state, std::string& text) const {
  take_rest(state.bytes, text, steps_.bytes ? Replace::each_start : Replace::each_byte);
}

}  // namespace tramontane
