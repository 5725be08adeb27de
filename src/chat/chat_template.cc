#include <algorithm>
#include <charconv>

#include "chat/chat_fail.h"
#include "chat/normalize.h"
#include "chat/settings.h"
#include "chat/validate.h"
#include "chat/writer.h"

namespace tramontane {

namespace {

TokenId id_of(std::string_view control, const Tokenizer& tokenizer) {
  TokenId id = -1;
  if (control == "<s>") {
    id = tokenizer.bos_id();
  } else if (control == "</s>") {
    id = tokenizer.eos_id();
  } else {
    id = tokenizer.control_id(control);
  }
  if (id < 0) fail("tokenizer: expected a control token '{}' for the chat template, found none", control);
  return id;
}

}  // namespace

std::vector<TokenId> encode(std::span<const PromptPiece> pieces, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids;
  for (const PromptPiece& piece : pieces) {
    if (piece.kind == PromptPiece::Kind::control) {
      ids.push_back(id_of(piece.text, tokenizer));
    } else {
      const std::vector<TokenId> text = tokenizer.encode_text(piece.text);
      ids.insert(ids.end(), text.begin(), text.end());
    }
  }
  return ids;
}

ChatTemplate ChatTemplate::named(std::string_view name) {
  if (std::ranges::find(kNames, name) == kNames.end()) {
    fail("chat template: expected one of {}, found {}", fmt::join(kNames, ", "), printable(name));
  }
  int version = 0;
  std::from_chars(name.data() + 1, name.data() + name.size(), version);
  return ChatTemplate(static_cast<Version>(version));
}

ChatTemplate ChatTemplate::of(const Tokenizer& tokenizer) {
  const std::string version = tokenizer.version();
  if (version.empty())
    fail("tokenizer: expected one of a version with a chat template, found one of no version");
  return named(version).with_settings_of(tokenizer);
}

ChatTemplate ChatTemplate::with_settings_of(const Tokenizer& tokenizer) const {
  const std::string settings = tokenizer.model_settings();
  if (settings.empty()) return *this;
  return ChatTemplate(version_, read_settings_rules(settings));
}

std::vector<PromptPiece> ChatTemplate::pieces(const Conversation& conversation) const {
  validate(conversation, version_);
  const NormalizedRequest request = normalize(conversation, version_);
  std::optional<std::string> settings;
  if (version_ == Version::v15) settings = settings_text(conversation, rules_);
  return write_prompt(request, conversation.tools, settings, version_);
}

std::vector<TokenId> ChatTemplate::encode(const Conversation& conversation,
                                          const Tokenizer& tokenizer) const {
  return tramontane::encode(pieces(conversation), tokenizer);
}

std::vector<TokenId> ChatTemplate::encode_infill(std::string_view prefix, std::string_view suffix,
                                                 const Tokenizer& tokenizer) const {
  if (version_ == Version::v1)
    refuse(ChatErrorKind::not_encodable, "v1: expected no infilling, which it lacks");
  std::vector<TokenId> ids = {id_of("<s>", tokenizer), id_of("[SUFFIX]", tokenizer)};
  if (!suffix.empty()) {
    // SentencePiece puts a space before a text: the two tokens of a sign before it keep it away from the
    // suffix.
    const std::vector<TokenId> text = tokenizer.encode_text(fmt::format("\u263a{}", suffix));
    ids.insert(ids.end(), text.begin() + std::min<std::ptrdiff_t>(2, std::ssize(text)), text.end());
  }
  ids.push_back(id_of("[PREFIX]", tokenizer));
  const std::vector<TokenId> text = tokenizer.encode_text(prefix);
  ids.insert(ids.end(), text.begin(), text.end());
  return ids;
}

}  // namespace tramontane
