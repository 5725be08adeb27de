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

/// Text to token ids and back, as a checkpoint's tokenizer file defines them: tekken.json, tokenizer.model
/// (SentencePiece) or a Hugging Face tokenizer.json. A cheap handle: copies share one immutable tokenizer.
/// Safe to use from several threads at once.
class Tokenizer {
 public:
  /// Reads the file of find(); for a tokenizer.json also the names of BOS and EOS in tokenizer_config.json
  /// and special_tokens_map.json. Throws Error when it is missing, or is not a tokenizer that is safe to use.
  static Tokenizer load(const std::filesystem::path& folder);

  /// The folder's tokenizer file, the first of: tekken.json; tokenizer.model; the same under one of Mistral's
  /// versioned names, the newest first (tokenizer.model.v7m1, tokenizer.model.v3); tokenizer.json. Where
  /// there is none, the path of tokenizer.model.
  static std::filesystem::path find(const std::filesystem::path& folder);

  /// The same for the contents of a tokenizer file, untrusted. `name` stands for the file in messages and
  /// says what it is: tekken*.json, another *.json (Hugging Face), anything else SentencePiece.
  static Tokenizer from_bytes(std::string_view bytes, std::string_view name);

  /// A line for a tokenizer.json of `folder`, which this was loaded from, that load() passed over for another
  /// file though its vocabulary is a different one; none when there is nothing to say. Throws Error when the
  /// file cannot be read.
  std::vector<std::string> disagreements(const std::filesystem::path& folder) const;

  /// BOS if the tokenizer has one, then encode_text.
  std::vector<TokenId> encode(std::string_view text) const;

  /// The ids of `text`, which may hold NUL; control tokens are never read from text. Of an empty text: none.
  /// Time is close to linear; memory is up to 60 times the text for Mistral's tokenizers, 300 times for
  /// SentencePiece models of other kinds. Throws Error when `text` is not valid UTF-8, naming the byte
  /// offset, or has more than 16 MiB.
  std::vector<TokenId> encode_text(std::string_view text) const;

  /// The id of the control token of that name, such as "[INST]"; -1: the vocabulary has none.
  TokenId control_id(std::string_view name) const;

  /// The text of `ids`, to which control tokens add nothing. Valid UTF-8, with U+FFFD for bytes that form no
  /// character. SentencePiece, and a tokenizer.json made of it, strips a space where a text starts; here it
  /// is kept when the first piece starts with U+2581, so that consecutive chunks join up. Throws Error for an
  /// id outside [0, vocab_size).
  std::string decode(std::span<const TokenId> ids) const;

  int vocab_size() const;
  TokenId bos_id() const;         // -1: the tokenizer has none
  TokenId eos_id() const;         // -1: the tokenizer has none
  std::string_view kind() const;  // "tekken", "SentencePiece BPE", "Hugging Face BPE", ...

  /// The instruct format that the vocabulary was made for: "v1", "v2", "v3", "v7", "v11", "v13" or "v15";
  /// empty when nothing says so. It is what a tekken.json says or what the name of a tokenizer.model ends
  /// with; else the control tokens tell: [SYSTEM_PROMPT] came with v7, [PREFIX] with v3 and [INST] with v2. A
  /// vocabulary without them may be v1's, a base model's or another family's.
  std::string version() const;

  /// The JSON of a tekken.json's model_settings_builder, the settings that the model knows; empty: none.
  std::string model_settings() const;

  /// The piece as the vocabulary spells it; of byte sequences (tekken, byte-level BPE) the text, with U+FFFD
  /// for parts of characters.
  std::string piece(TokenId id) const;

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
  friend class Tokenizer::Impl;
  struct State {
    bool first = true;     // no id was pushed yet
    bool at_start = true;  // the text is still empty, so SentencePiece strips a leading space
    std::string bytes;     // not yet a whole character; at most 3
  };
  Tokenizer tokenizer_;
  State state_;
};

}  // namespace tramontane
