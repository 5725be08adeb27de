#pragma once
#include <sentencepiece_processor.h>

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/model_file.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// What a piece is to the decoder.
enum class PieceKind : unsigned char { text, control, unknown, byte };

/// One loaded model. Immutable, so safe to use from several threads: SentencePieceProcessor's const members
/// keep no state of their own in encoding and decoding (their random generator, which only sampling uses, is
/// thread-local).
class Tokenizer::Impl {
 public:
  /// Throws Error naming `name`, the file that `bytes` come from.
  Impl(std::string_view bytes, std::string_view name);

  const sentencepiece::SentencePieceProcessor& processor() const { return processor_; }
  /// The SentencePiece ids of a valid UTF-8 text, without BOS.
  std::vector<TokenId> encode(std::string_view text) const;

  ModelType type() const { return type_; }
  int vocab_size() const { return static_cast<int>(pieces_.size()); }

  /// Throws Error unless 0 <= id < vocab_size.
  void check_id(TokenId id) const;

  // For ids that were checked.
  PieceKind kind_of(TokenId id) const { return pieces_[static_cast<std::size_t>(id)].kind; }
  char byte_of(TokenId id) const { return pieces_[static_cast<std::size_t>(id)].byte; }
  std::string_view spelling(TokenId id) const { return processor_.IdToPiece(id); }

  const std::string& unk_surface() const { return unk_surface_; }
  /// From the start of a text, the decoder strips one space, or every space that starts a piece, or none.
  bool strips_a_space() const { return strips_all_spaces_ || add_dummy_prefix_; }
  bool strips_all_spaces() const { return strips_all_spaces_; }

 private:
  struct Piece {
    PieceKind kind;
    char byte;  // of PieceKind::byte
  };
  Piece classify(TokenId id) const;

  sentencepiece::SentencePieceProcessor processor_;
  ModelType type_;
  bool add_dummy_prefix_;
  bool strips_all_spaces_;
  std::string unk_surface_;
  std::vector<Piece> pieces_;  // vocab_size of them
  TokenId unk_id_ = 0;
};

/// U+2581, which stands for a space in pieces.
constexpr std::string_view kMetaSpace = "\xe2\x96\x81";

}  // namespace tramontane
