#pragma once
#include <string>
#include <vector>

namespace tramontane {

/// A piece of a SentencePiece vocabulary.
struct SentencePiece {
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  std::string text;  // UTF-8, with U+2581 for a space
  float score = 0;
  Type type = Type::normal;
};

/// What a BPE model without normalisation rules, that keeps every space, consists of: the kind that Mistral
/// uses.
struct SentencePieceModel {
  std::vector<SentencePiece> pieces;  // by id
  int bos_id = -1;                    // -1: none
  int eos_id = -1;
  bool byte_fallback = false;     // characters without a piece become their bytes' pieces
  bool add_dummy_prefix = false;  // a space before every text
};

/// The bytes of a tokenizer.model. They are for Tokenizer::from_bytes to check. Precondition: there are
/// pieces, and bos_id and eos_id are -1 or indices of them.
std::string write_sentencepiece_model(const SentencePieceModel& model);

}  // namespace tramontane
