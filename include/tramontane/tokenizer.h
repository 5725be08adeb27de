#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tramontane {

using TokenId = std::int32_t;

/// Text to token ids and back, as the checkpoint's `tokenizer.model` (SentencePiece) defines them.
/// A cheap handle: copies share one immutable tokenizer. Safe to use from several threads at once.
class Tokenizer {
 public:
  /// Reads the file of find(). Throws Error when it is missing, or is not a SentencePiece model that is safe
  /// to use.
  static Tokenizer load(const std::filesystem::path& folder);

  /// `folder`/tokenizer.model, or where there is none, the same under one of Mistral's versioned names
  /// (tokenizer.model.v3). Throws Error when all that the folder has is a tokenizer of another kind
  /// (tekken.json).
  static std::filesystem::path find(const std::filesystem::path& folder);

  /// The same for the contents of a tokenizer.model, untrusted; `name` stands for the file in messages.
  static Tokenizer from_bytes(std::string_view model, std::string_view name);

  /// BOS if the model has one, then the SentencePiece ids of `text`, which may hold NUL; control pieces are
  /// never read from text. Time is close to linear; memory is up to 300 times the text. Throws Error when
  /// `text` is not valid UTF-8, naming the byte offset, or has more than 16 MiB.
  std::vector<TokenId> encode(std::string_view text) const;

  /// encode() without BOS. Of an empty text: no ids.
  std::vector<TokenId> encode_text(std::string_view text) const;

  /// The id of the control token of that name, such as "[INST]"; -1: the vocabulary has none.
  TokenId control_id(std::string_view name) const;

  /// SentencePiece's text for `ids`, after a space if the first piece starts with U+2581: SentencePiece
  /// strips that one, and consecutive chunks are to join up. Valid UTF-8. Throws Error for an id outside [0,
  /// vocab_size).
  std::string decode(std::span<const TokenId> ids) const;

  int vocab_size() const;
  TokenId bos_id() const;               // -1: the model has none
  TokenId eos_id() const;               // -1: the model has none
  std::string_view kind() const;        // "SentencePiece BPE", ... unigram, word or character
  std::string piece(TokenId id) const;  // the piece as the vocabulary spells it

  class Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// Decodes one token at a time. The returned texts are valid UTF-8, never end inside a character, and join to
/// exactly Tokenizer::decode of all ids pushed so far once finish() was called. Not thread-safe; keeps the
/// tokenizer alive.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer);

  /// The text that `id` completes, perhaps empty. Throws Error for an id outside [0, vocab_size).
  std::string push(TokenId id);

  /// What was held back, with U+FFFD for bytes that never became a character. The decoder is then as new.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  bool first_ = true;     // no id was pushed yet
  bool at_start_ = true;  // the text is still empty, so SentencePiece strips a leading space
  std::string bytes_;     // of byte-fallback pieces, not yet a whole character; at most 3
};

}  // namespace tramontane
