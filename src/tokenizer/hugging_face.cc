#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "core/fail.h"
#include "tokenizer/hugging_face_decoder.h"
#include "tokenizer/hugging_face_file.h"
#include "tokenizer/pattern.h"
#include "tokenizer/tekken_pieces.h"
#include "tokenizer/tokenizer_files.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

/// A Hugging Face tokenizer.json: added tokens are cut out of the text; the rest is normalised, cut into
/// words and merged.
class HuggingFaceTokenizer final : public Tokenizer::Impl {
 public:
  HuggingFaceTokenizer(HuggingFaceFile file, const EndTokens& named, std::string_view name);

  std::string_view kind() const override {
    return file_.pre_tokenizer.bytes ? "Hugging Face byte-level BPE" : "Hugging Face BPE";
  }
  std::string version() const override;
  int vocab_size() const override { return static_cast<int>(file_.pieces.size()); }
  TokenId bos_id() const override { return bos_id_; }
  TokenId eos_id() const override { return eos_id_; }
  TokenId control_id(std::string_view name) const override;
  std::vector<TokenId> encode(std::string_view text) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  std::string piece(TokenId id) const override;
  std::string push(DecodeState& state, TokenId id) const override;
  std::string finish(DecodeState& state) const override;

 private:
  class Encoding;
  AddedTokens added_tokens(bool normalized) const;

  HuggingFaceFile file_;
  AddedTokens as_written_;  // looked for in the text as it is
  AddedTokens normalized_;  // and then in what is normalised
  std::vector<Pattern> splits_;
  std::optional<TekkenPieces> pieces_;  // where the only split is tekken's
  ListedBpe bpe_;
  HuggingFaceDecoder decoder_;
  std::unordered_map<std::string_view, TokenId> ids_;  // of pieces, views into file_
  TokenId bos_id_ = -1;
  TokenId eos_id_ = -1;
};

/// The encoding of one text.
class HuggingFaceTokenizer::Encoding {
 public:
  Encoding(const HuggingFaceTokenizer& tokenizer, std::string_view text)
      : tokenizer_(tokenizer),
        steps_(tokenizer.file_.pre_tokenizer),
        text_(text),
        encoder_(tokenizer.bpe_, text.size()) {}

  std::vector<TokenId> run() {
    tokenizer_.as_written_.for_each(text_, [&](std::string_view part, TokenId id) {
      if (id >= 0) {
        ids_.push_back(id);
      } else {
        add_part(part, part.data() == text_.data());
      }
    });
    return std::move(ids_);
  }

 private:
  /// `at_start`: nothing of the text comes before it.
  void add_part(std::string_view part, bool at_start) {
    const std::string normalized = normalize(std::string(part), tokenizer_.file_.normalizer);
    const std::string_view whole = normalized;
    tokenizer_.normalized_.for_each(whole, [&](std::string_view rest, TokenId id) {
      if (id >= 0) {
        ids_.push_back(id);
      } else {
        add_plain(rest, at_start && rest.data() == whole.data());
      }
    });
  }

  void add_plain(std::string_view text, bool at_start) {
    using Prepend = PreTokenizerSteps::Prepend;
    if (steps_.metaspace) {
      std::string spaced = replace_all(text, " ", kMetaSpace);
      const bool prepend =
          steps_.prepend == Prepend::always || (steps_.prepend == Prepend::first && at_start);
      if (prepend && !spaced.starts_with(kMetaSpace)) spaced.insert(0, kMetaSpace);
      add_words(spaced);
    } else if (steps_.add_prefix_space && !text.starts_with(' ')) {
      split(" " + std::string(text), 0);
    } else {
      split(text, 0);
    }
  }

  void split(std::string_view text, std::size_t step) {
    if (step == tokenizer_.splits_.size()) {
      add_words(text);
      return;
    }
    const auto next = [&](std::string_view piece, bool = true) { split(piece, step + 1); };
    if (tokenizer_.pieces_) {
      tokenizer_.pieces_->for_each(text, next);
    } else {
      tokenizer_.splits_[step].for_each(text, next);
    }
  }

  /// Cut before U+2581: before each if the file says so, else, where that changes nothing, after others.
  void add_words(std::string_view text) {
    const bool cut = steps_.split_words || (!steps_.bytes && tokenizer_.bpe_.ends_at_words());
    while (cut && !text.empty()) {
      std::size_t from = 0;
      while (text.substr(from).starts_with(kMetaSpace) && (from == 0 || !steps_.split_words)) {
        from += kMetaSpace.size();
      }
      const std::size_t end = std::min(text.find(kMetaSpace, from), text.size());
      encoder_.append(text.substr(0, end), ids_);
      text.remove_prefix(end);
    }
    if (!text.empty()) encoder_.append(text, ids_);
  }

  const HuggingFaceTokenizer& tokenizer_;
  const PreTokenizerSteps& steps_;
  std::string_view text_;
  ListedBpe::Encoder encoder_;
  std::vector<TokenId> ids_;
};

HuggingFaceTokenizer::HuggingFaceTokenizer(HuggingFaceFile file, const EndTokens& named,
                                           std::string_view name)
    : file_(std::move(file)),
      as_written_(added_tokens(false)),
      normalized_(added_tokens(true)),
      bpe_(std::move(file_.model), file_.pre_tokenizer.bytes ? Unit::byte : Unit::character),
      decoder_(file_) {
  const std::vector<std::string>& splits = file_.pre_tokenizer.splits;
  for (const std::string& split : splits)
    splits_.emplace_back(split, fmt::format("{}: key 'pre_tokenizer'", name));
  if (splits.size() == 1 && splits[0] == kTekkenPattern) pieces_.emplace();
  for (TokenId id = 0; id < vocab_size(); id++) ids_.emplace(file_.pieces[static_cast<std::size_t>(id)], id);
  const auto find_end = [&](const std::string& in_file, const std::string& in_folder,
                            std::initializer_list<std::string_view> usual) {
    const std::string& wanted = in_file.empty() ? in_folder : in_file;
    if (!wanted.empty()) {
      const auto found = ids_.find(wanted);
      if (found == ids_.end()) {
        fail("{}: expected the token {}, which {} names, found none of that name", name, printable(wanted),
             in_file.empty() ? "tokenizer_config.json or special_tokens_map.json" : "key 'post_processor'");
      }
      return found->second;
    }
    for (const std::string_view token : usual) {
      if (const TokenId id = control_id(token); id >= 0) return id;
    }
    return TokenId{-1};
  };
  bos_id_ = find_end(file_.ends.bos, named.bos, {"<s>", "<|begin_of_text|>"});
  eos_id_ = find_end(file_.ends.eos, named.eos, {"</s>", "<|end_of_text|>", "<|endoftext|>"});
}

AddedTokens HuggingFaceTokenizer::added_tokens(bool normalized) const {
  std::vector<AddedToken> tokens;
  for (AddedToken token : file_.added_tokens) {
    if (token.normalized != normalized) continue;
    if (normalized) token.content = normalize(token.content, file_.normalizer);
    if (!token.content.empty()) tokens.push_back(std::move(token));
  }
  return AddedTokens(std::move(tokens));
}

std::string HuggingFaceTokenizer::version() const {
  return version_of_control_tokens([this](std::string_view token) { return control_id(token) >= 0; });
}

TokenId HuggingFaceTokenizer::control_id(std::string_view name) const {
  const auto found = ids_.find(name);
  return found != ids_.end() && file_.special[static_cast<std::size_t>(found->second)] ? found->second : -1;
}

std::vector<TokenId> HuggingFaceTokenizer::encode(std::string_view text) const {
  return Encoding(*this, text).run();
}

std::string HuggingFaceTokenizer::decode(std::span<const TokenId> ids) const {
  DecodeState state;
  std::string text;
  for (const TokenId id : ids) decoder_.push(state, id, text);
  decoder_.finish(state, text);
  return text;
}

/// Of letters that stand for bytes, the text.
std::string HuggingFaceTokenizer::piece(TokenId id) const {
  const std::string& spelled = file_.pieces[static_cast<std::size_t>(id)];
  return file_.pre_tokenizer.bytes && !file_.special[static_cast<std::size_t>(id)] ? decode({&id, 1})
                                                                                   : spelled;
}

std::string HuggingFaceTokenizer::push(DecodeState& state, TokenId id) const {
  std::string text;
  decoder_.push(state, id, text);
  return text;
}

std::string HuggingFaceTokenizer::finish(DecodeState& state) const {
  std::string text;
  decoder_.finish(state, text);
  return text;
}

}  // namespace

std::shared_ptr<const Tokenizer::Impl> read_hugging_face(std::string_view bytes, std::string_view name,
                                                         const EndTokens& named) {
  return std::make_shared<const HuggingFaceTokenizer>(read_hugging_face_file(bytes, std::string(name)), named,
                                                      name);
}

}  // namespace tramontane
