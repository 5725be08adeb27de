#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tramontane {

enum class ModelType { unigram = 1, bpe = 2, word = 3, character = 4 };

/// The largest tokenizer.model that is read, in bytes. Those with 256k pieces have 4 MB.
constexpr std::size_t kLargestModelFile = 16 << 20;

/// A tokenizer.model that was found safe to hand to the SentencePiece library, and the facts that decoding
/// needs.
struct ModelFile {
  std::string proto;  // the ModelProto for the library
  int vocab_size = 0;
  ModelType type = ModelType::unigram;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  /// BPE; a text is encoded as it is but for its spaces, which U+2581 stands for, and what is in no piece
  /// becomes bytes.
  bool plain = false;
  std::vector<std::string> symbols;  // user-defined, which are one token wherever they stand in a text
  std::string unk_surface = " \xe2\x81\x87 ";  // what the unknown piece decodes to
};

/// Checks the bytes of a tokenizer.model. The library trusts models: some of what it finds in a hostile one
/// makes it read outside its arrays, recurse without limit or run for hours. Whatever it trusts is checked
/// here first; what it checks itself is left to it. Throws Error "NAME: expected a SentencePiece model, found
/// ...".
ModelFile check_model_file(std::string_view bytes, std::string_view name);

}  // namespace tramontane
