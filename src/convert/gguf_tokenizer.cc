#include "convert/gguf_tokenizer.h"

#include <algorithm>

#include "core/fail.h"
#include "tokenizer/model_writer.h"
#include "tramontane/tokenizer.h"

namespace tramontane {
namespace {

using Type = SentencePiece::Type;

constexpr std::size_t kMostPieces = 1 << 20;  // as Tokenizer has it

/// The id under `key`; -1: none, or one that no piece has.
int id_of(const GgufFields& fields, const char* key, std::size_t pieces) {
  const auto id = fields.integer(key, 0, 0xffffffff);
  return id && static_cast<std::size_t>(*id) < pieces ? static_cast<int>(*id) : -1;
}

/// Symbols that were added to a vocabulary are spelled as in text; SentencePiece spells a space as U+2581.
std::string spelled(std::string_view text, Type type) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' && type == Type::user_defined) {
      out += "\xe2\x96\x81";
    } else {
      out += c;
    }
  }
  return out;
}

/// SentencePiece wants exactly one unknown piece. Conversions from Hugging Face's files mark it as a control
/// piece.
void settle_unknown(std::vector<SentencePiece>& pieces, int unknown_id) {
  const auto is_unknown = [](const SentencePiece& piece) { return piece.type == Type::unknown; };
  const auto first = std::find_if(pieces.begin(), pieces.end(), is_unknown);
  if (first == pieces.end() && unknown_id >= 0) {
    pieces[static_cast<std::size_t>(unknown_id)].type = Type::unknown;
  } else if (first != pieces.end()) {
    const auto extra = [&](const SentencePiece& piece) { return &piece != &*first && is_unknown(piece); };
    for (SentencePiece& piece : pieces) {
      if (extra(piece)) piece.type = Type::control;
    }
  }
}

SentencePieceModel read_model(const GgufFields& fields) {
  constexpr const char* kTokens = "tokenizer.ggml.tokens";
  const auto tokens = fields.strings(kTokens);
  if (!tokens || tokens->empty() || tokens->size() > kMostPieces) {
    fields.wrong(kTokens, fmt::format("an array of 1 to {} strings", kMostPieces));
  }
  const auto scores = fields.floats("tokenizer.ggml.scores");
  const auto types = fields.integers("tokenizer.ggml.token_type");
  if (!scores || scores->size() != tokens->size()) {
    fields.wrong("tokenizer.ggml.scores", fmt::format("{} of them, one for each token", tokens->size()));
  }
  if (!types || types->size() != tokens->size()) {
    fields.wrong("tokenizer.ggml.token_type", fmt::format("{} of them, one for each token", tokens->size()));
  }
  SentencePieceModel model;
  for (std::size_t n = 0; n < tokens->size(); n++) {
    const std::int32_t number = (*types)[n];
    if (number < 1 || number > 6) {
      fail("{}: key 'tokenizer.ggml.token_type': expected types from 1 to 6, found {}", fields.file(),
           number);
    }
    const auto type = static_cast<Type>(number);
    model.pieces.push_back({spelled((*tokens)[n], type), (*scores)[n], type});
    model.byte_fallback |= type == Type::byte;
  }
  const int unknown_id = id_of(fields, "tokenizer.ggml.unknown_token_id", tokens->size());
  settle_unknown(model.pieces, fields.has("tokenizer.ggml.unknown_token_id") ? unknown_id : 0);
  model.bos_id = id_of(fields, "tokenizer.ggml.bos_token_id", tokens->size());
  model.eos_id = id_of(fields, "tokenizer.ggml.eos_token_id", tokens->size());
  model.add_dummy_prefix = fields.boolean("tokenizer.ggml.add_space_prefix").value_or(true);
  return model;
}

}  // namespace

std::string gguf_tokenizer(const GgufFields& fields, std::vector<std::string>& warnings) {
  const auto kind = fields.string("tokenizer.ggml.model");
  if (!kind || *kind != "llama") {
    warnings.push_back(
        fmt::format("{}: its tokenizer is {}, for which no file is written: add the model's tekken.json or "
                    "tokenizer files",
                    fields.file(), kind ? "of the kind " + printable(*kind) : "missing"));
    return "";
  }
  std::string bytes = write_sentencepiece_model(read_model(fields));
  try {
    Tokenizer::from_bytes(bytes, "tokenizer.model");
  } catch (const Error& error) {
    warnings.push_back(fmt::format("{}: no tokenizer.model is written: add the model's own ({})",
                                   fields.file(), error.what()));
    return "";
  }
  if (!fields.boolean("tokenizer.ggml.add_bos_token").value_or(true)) {
    warnings.push_back(fmt::format(
        "{}: key 'tokenizer.ggml.add_bos_token' is false, and every prompt will begin with BOS all the same",
        fields.file()));
  }
  return bytes;
}

}  // namespace tramontane
