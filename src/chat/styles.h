#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tramontane/chat.h"
#include "tramontane/tokenizer.h"

// The chat templates of other families that fine-tunes of Mistral's models come with. There is no Jinja here:
// a template is known when its form (jinja_form) is that of a published one, which has a renderer below.
namespace tramontane {

/// A published template's rendering.
struct ChatStyle {
  enum class Family { llama2, llama3, chatml, zephyr };
  Family family = Family::chatml;
  bool bos = false;                 // of ChatML: BOS comes first
  std::string default_system = {};  // of ChatML: when the conversation does not begin with a system message
};

/// A text that is never read for special tokens, or a special token.
struct ChatSegment {
  enum class Kind { text, control, bos, eos };
  Kind kind = Kind::text;
  std::string text = {};  // of a control token: its name
};

/// Of a template's source; nothing when it is none of the published ones.
std::optional<ChatStyle> recognise_style(std::string_view source);

/// "llama2", "llama3", "chatml" or "zephyr", as --chat-template has it; nothing for other names.
std::optional<ChatStyle> style_of_name(std::string_view name);

/// What the template says that a folder has in chat_template.jinja or else in tokenizer_config.json.
struct FolderTemplate {
  bool mistral = false;                 // it is one with Mistral's [INST], whose version the tokenizer tells
  std::optional<ChatStyle> style = {};  // another family's; neither: the folder has no template
};

/// Throws Error for a template that is not known, naming --chat-template.
FolderTemplate template_of_folder(const std::filesystem::path& folder);

/// What the template makes of the conversation, with the beginning of an answer at its end (of Llama 2 there
/// is none); of a last message that is a prefix, nothing that follows its content. Throws Error for what the
/// style cannot say: tools, reasoning, and of Llama 2 roles in another order than its own.
std::vector<ChatSegment> render(const ChatStyle& style, std::span<const Message> messages);

/// The segments' ids. A control token that the vocabulary does not have is text.
std::vector<TokenId> encode(const Tokenizer& tokenizer, std::span<const ChatSegment> segments);

}  // namespace tramontane
