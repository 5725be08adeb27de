#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer_files.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// One loaded tokenizer of any kind; the handles Tokenizer and StreamDecoder check what comes from outside
/// and leave the rest to it. Immutable, so safe to use from several threads at once.
class Tokenizer::Impl {
 public:
  using DecodeState = StreamDecoder::State;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  virtual ~Impl() = default;

  virtual std::string_view kind() const = 0;
  virtual std::string version() const = 0;
  virtual std::string model_settings() const { return ""; }
  virtual int vocab_size() const = 0;
  virtual TokenId bos_id() const = 0;
  virtual TokenId eos_id() const = 0;
  virtual TokenId control_id(std::string_view name) const = 0;

  /// The ids of a text, without BOS. The text is valid UTF-8 of at most 16 MiB.
  virtual std::vector<TokenId> encode(std::string_view text) const = 0;

  // Of ids that were checked.
  virtual std::string piece(TokenId id) const = 0;
  virtual std::string decode(std::span<const TokenId> ids) const = 0;

  /// What StreamDecoder::push and finish return.
  virtual std::string push(DecodeState& state, TokenId id) const = 0;
  virtual std::string finish(DecodeState& state) const = 0;

  /// Throws Error unless 0 <= id < vocab_size.
  void check_id(TokenId id) const;
};

/// From the contents of a tokenizer.model, of a tekken.json and of a Hugging Face tokenizer.json. Throw Error
/// naming `name`, the file that the untrusted `bytes` come from.
std::shared_ptr<const Tokenizer::Impl> read_sentencepiece(std::string_view bytes, std::string_view name);
std::shared_ptr<const Tokenizer::Impl> read_tekken(std::string_view bytes, std::string_view name);
/// `named`: what other files of the folder say, for one that does not say it itself.
std::shared_ptr<const Tokenizer::Impl> read_hugging_face(std::string_view bytes, std::string_view name,
                                                         const EndTokens& named);

/// U+2581, which stands for a space in pieces.
constexpr std::string_view kMetaSpace = "\xe2\x96\x81";

/// Whether it follows another character in `piece`.
inline bool has_inner_space(std::string_view piece) {
  while (piece.starts_with(kMetaSpace)) piece.remove_prefix(kMetaSpace.size());
  return piece.find(kMetaSpace) != std::string_view::npos;
}

}  // namespace tramontane
