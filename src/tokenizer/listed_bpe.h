#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/byte_vocabulary.h"
#include "tokenizer/encode_caches.h"
#include "tokenizer/merge.h"
#include "tokenizer/merge_table.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// Two tokens that are merged into a third.
struct ListedMerge {
  TokenId left, right, merged;
};

/// What a ListedBpe is made of.
struct BpeModel {
  /// By id; empty where text has no way to the token. Characters, or raw bytes when the text is cut into
  /// these.
  std::vector<std::string> pieces;
  std::array<TokenId, 256> byte_ids;  // of the tokens that stand for bytes, "<0x0A>"; -1: there is none
  std::vector<ListedMerge> merges;  // the first is done first; of a pair that is there twice the last counts
  TokenId unk_id = -1;              // stands for what no token does; -1: that is left out
  bool fuse_unk = false;            // neighbours of these are one
  bool byte_fallback = false;       // what has no token becomes bytes, if all of them have
  bool ignore_merges = false;       // a word that is a piece is that token, whatever merges make of it
};

/// What the text is cut into before neighbours are merged.
enum class Unit { character, byte };

/// Byte pair encoding as Hugging Face's tokenizers do it: what may be merged is listed, pair by pair, instead
/// of following from a vocabulary. Immutable.
class ListedBpe {
 public:
  ListedBpe(BpeModel model, Unit unit);

  /// No merge reaches across the start of a word: of U+2581 after another character. Words may then be
  /// encoded one by one.
  bool ends_at_words() const { return ends_at_words_; }

  /// Encodes words; keeps its buffers from one to the next. Views the BPE.
  class Encoder {
   public:
    /// For words of a text of about `text_size` bytes.
    Encoder(const ListedBpe& bpe, std::size_t text_size)
        : bpe_(bpe), words_(text_size), merger_(MergeOf{bpe.merges_}) {}

    /// Adds the ids of `word`, valid UTF-8 when units are characters.
    void append(std::string_view word, std::vector<TokenId>& ids);

   private:
    friend class ListedBpe;
    struct MergeOf {
      const MergeTable& merges;
      std::optional<Merge<TokenId>> operator()(TokenId left, TokenId right) const {
        return merges.find(left, right);
      }
    };
    void merge(std::string_view word);

    const ListedBpe& bpe_;
    WordCache words_;
    Merger<TokenId, MergeOf> merger_;
    std::vector<TokenId> parts_;
  };

 private:
  void split(std::string_view word, std::vector<TokenId>& parts) const;
  bool add_bytes(std::string_view character, std::vector<TokenId>& parts) const;
  TokenId id_of(std::string_view unit) const;
  void find_whole_words();

  BpeModel model_;
  Unit unit_;
  ByteVocabulary vocabulary_;
  // Of the vocabulary's pieces:
  std::vector<TokenId> ids_;
  std::vector<bool> whole_;                // the word that is this piece becomes this token
  std::array<TokenId, 256> ids_of_bytes_;  // of the units of one byte; -1: none
  MergeTable merges_;
  bool ends_at_words_ = false;
};

}  // namespace tramontane
