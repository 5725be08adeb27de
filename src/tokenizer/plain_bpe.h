#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/byte_vocabulary.h"
#include "tokenizer/encode_caches.h"
#include "tokenizer/symbols.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// The BPE of plain SentencePiece models (ModelFile::plain), with the library's results in a tenth of its
/// time: the text is cut before words, across which no piece reaches, and a word that is a piece is looked
/// up.
class PlainBpe {
 public:
  struct Piece {
    std::string_view text;
    float score;
    TokenId id;
  };
  /// Of the pieces that text can be made of, and of those that stand for the 256 bytes. The `symbols` are
  /// among the pieces; wherever they stand in a text they are one token, the longest first.
  PlainBpe(const std::vector<Piece>& pieces, const std::array<TokenId, 256>& byte_ids, bool add_dummy_prefix,
           const std::vector<std::string>& symbols);

  /// Of a valid UTF-8 text.
  std::vector<TokenId> encode(std::string_view text) const;

 private:
  struct Part;
  struct MergeOf;
  struct State;
  std::string with_meta_spaces(std::string_view text) const;
  void encode_words(std::string_view text, State& state) const;
  std::size_t word_end(std::string_view text, std::size_t begin) const;
  void split(std::string_view word, std::vector<Part>& parts) const;
  void append(const Part& part, std::vector<TokenId>& ids) const;
  void find_whole_words();

  ByteVocabulary vocabulary_;
  PairCache pairs_;
  Symbols symbols_;
  // Of the vocabulary's pieces:
  std::vector<TokenId> ids_;
  std::vector<std::uint32_t> ranks_;  // 0: the best score
  std::vector<bool> whole_;           // merging its characters gives the piece itself
  std::array<TokenId, 256> byte_ids_;
  bool add_dummy_prefix_;
  std::vector<std::uint32_t> characters_;  // the pieces of one character each of the first plane
  bool pieces_are_of_pieces_ = false;      // a character that is no piece is in none
  bool cut_words_ = true;                  // spaces are only at the start of pieces
};

}  // namespace tramontane
