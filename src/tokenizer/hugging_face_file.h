#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/listed_bpe.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/tokenizer_files.h"

namespace tramontane {

/// The largest tokenizer.json that is read, in bytes. Those of Mistral's models have up to 20 MB.
constexpr std::size_t kLargestHuggingFaceFile = 64 << 20;

constexpr std::uint32_t kMostTokens = 1 << 20;

/// In bytes; bounds the time that looking up takes.
constexpr std::size_t kLongestPiece = 1024;

/// How a text is cut into words.
struct PreTokenizerSteps {
  enum class Prepend { never, first, always };
  std::vector<std::string> splits;  // expressions; what they match and what lies between are words
  // Byte-level:
  bool bytes = false;
  bool add_prefix_space = false;  // before a text that starts with none
  // Metaspace: U+2581 for spaces
  bool metaspace = false;
  Prepend prepend = Prepend::never;  // before a text that starts with none; first: only where the text starts
  bool split_words = false;          // each U+2581 starts a word
};

/// How pieces become text.
struct DecoderSteps {
  bool bytes = false;  // letters stand for bytes
  std::vector<NormalizerStep> replacements;
  bool byte_fallback = false;     // "<0x0A>" is a byte
  bool strip_space = false;       // one space where the text starts
  bool metaspace = false;         // U+2581 is a space
  bool strip_metaspaces = false;  // all that are in the first piece
};

/// The contents of a Hugging Face tokenizer.json, checked.
struct HuggingFaceFile {
  std::vector<std::string> pieces;  // by id, as the file spells them; empty: the id has none
  std::vector<bool> special;        // by id: a control token
  BpeModel model;                   // pieces that only control tokens have are left out, and their merges
  std::vector<AddedToken> added_tokens;
  std::vector<NormalizerStep> normalizer;
  PreTokenizerSteps pre_tokenizer;
  DecoderSteps decoder;
  EndTokens ends;  // of the post-processor
};

/// Reads untrusted bytes. Throws Error naming `name`, the key, what was expected and what was found.
HuggingFaceFile read_hugging_face_file(std::string_view bytes, const std::string& name);

}  // namespace tramontane
