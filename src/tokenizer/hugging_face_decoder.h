#pragma once
#include <string>
#include <vector>

#include "tokenizer/hugging_face_file.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {

/// Turns ids into text, one at a time, as the decoder of a tokenizer.json says. Control tokens are passed
/// over, so that bytes before and after one may form a character. Immutable.
class HuggingFaceDecoder {
 public:
  explicit HuggingFaceDecoder(const HuggingFaceFile& file);

  /// Adds to `text` what `id`, which is within the vocabulary, completes.
  void push(Tokenizer::Impl::DecodeState& state, TokenId id, std::string& text) const;

  /// Adds what was held back.
  void finish(Tokenizer::Impl::DecodeState& state, std::string& text) const;

 private:
  enum class Kind : unsigned char { text, byte, control };
  struct Piece {
    Kind kind = Kind::text;
    bool starts_with_space = false;  // with U+2581, as it is spelled
    std::string text;                // or bytes
  };
  Piece make_piece(const std::string& spelled, bool special) const;

  DecoderSteps steps_;
  std::vector<Piece> pieces_;  // by id
};

}  // namespace tramontane
