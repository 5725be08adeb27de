#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tramontane/chat.h"
#include "tramontane/tokenizer.h"

namespace tramontane::cli {

/// How a model wants its conversations.
struct PromptFormat {
  std::function<std::vector<TokenId>(const Conversation&)> encode;
  std::vector<TokenId> stop_tokens = {};  // that end an answer beside the end of the sequence
};

/// What --chat-template may name: Mistral's versions, and other families.
std::vector<std::string> chat_template_names();

/// The format of that name, or if it is empty, what `folder` says: the template of another family that is
/// known, else the version of Mistral's that the tokenizer was made for; v1 where the folder's template has
/// Mistral's [INST] and the tokenizer nothing. Throws Error for a model without
/// any, and for templates that are not known.
PromptFormat prompt_format(const std::filesystem::path& folder, const Tokenizer& tokenizer,
                           const std::string& name);

}  // namespace tramontane::cli
