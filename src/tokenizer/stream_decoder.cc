#include <utility>

#include "core/utf8.h"
#include "tokenizer/tokenizer_impl.h"
#include "tramontane/tokenizer.h"

// SentencePiece's rules for decoding, one token at a time. Three things depend on what came before: a run of
// byte pieces is read as UTF-8 once it ends; spaces at the very start are stripped, as the model says; and
// the rule that puts one back looks at the first piece.
namespace tramontane {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// Moves what is certain from `bytes` to the end of `text`: whole characters, and U+FFFD for each byte that
/// is in none.
void flush_certain(std::string& bytes, std::string& text) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const Utf8Head head = utf8_head(rest);
    if (head.kind == Utf8Kind::prefix) break;
    text += head.kind == Utf8Kind::character ? rest.substr(0, head.length) : kReplacement;
    rest.remove_prefix(head.length);
  }
  bytes.erase(0, bytes.size() - rest.size());
}

/// What ends a run of byte pieces: the bytes that are left never become a character.
void flush_all(std::string& bytes, std::string& text) {
  for (std::size_t i = 0; i < bytes.size(); i++) text += kReplacement;
  bytes.clear();
}

void append_with_spaces(std::string_view piece, std::string& text) {
  for (std::size_t at; (at = piece.find(kMetaSpace)) != std::string_view::npos;) {
    text += piece.substr(0, at);
    text += ' ';
    piece.remove_prefix(at + kMetaSpace.size());
  }
  text += piece;
}

}  // namespace

StreamDecoder::StreamDecoder(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

std::string StreamDecoder::push(TokenId id) {
  const Tokenizer::Impl& model = tokenizer_.impl();
  model.check_id(id);
  std::string text;
  std::string_view piece = model.spelling(id);
  if (first_ && piece.starts_with(kMetaSpace)) text += ' ';
  first_ = false;

  const PieceKind kind = model.kind_of(id);
  if (kind == PieceKind::byte) {
    bytes_ += model.byte_of(id);
    at_start_ = false;
    flush_certain(bytes_, text);
    return text;
  }
  flush_all(bytes_, text);
  if (kind == PieceKind::control) return text;
  if (kind == PieceKind::unknown) {
    at_start_ = at_start_ && model.unk_surface().empty();
    return text + model.unk_surface();
  }
  if (at_start_ && piece.starts_with(kMetaSpace) && model.strips_a_space()) {
    piece.remove_prefix(kMetaSpace.size());
    at_start_ = model.strips_all_spaces() && piece.empty();
  } else {
    at_start_ = false;
  }
  append_with_spaces(piece, text);
  return text;
}

std::string StreamDecoder::finish() {
  std::string text;
  flush_all(bytes_, text);
  first_ = true;
  at_start_ = true;
  return text;
}

}  // namespace tramontane
