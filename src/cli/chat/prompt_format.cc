#include "cli/chat/prompt_format.h"

#include <utility>

#include "chat/styles.h"
#include "core/fail.h"

namespace tramontane::cli {
namespace {

PromptFormat of_style(const ChatStyle& style, const Tokenizer& tokenizer) {
  PromptFormat format;
  format.encode = [style, tokenizer](const Conversation& conversation) {
    if (!conversation.tools.empty()) fail("chat template: expected no tools, which this one cannot say");
    return encode(tokenizer, render(style, conversation.messages));
  };
  for (const char* end : {"<|im_end|>", "<|eot_id|>"}) {
    if (const TokenId id = tokenizer.control_id(end); id >= 0) format.stop_tokens.push_back(id);
  }
  return format;
}

PromptFormat of_template(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
  return {[chat_template, tokenizer](const Conversation& conversation) {
            return chat_template.encode(conversation, tokenizer);
          },
          {}};
}

}  // namespace

std::vector<std::string> chat_template_names() {
  std::vector<std::string> names(ChatTemplate::kNames.begin(), ChatTemplate::kNames.end());
  for (const char* family : {"llama2", "llama3", "chatml", "zephyr"}) names.emplace_back(family);
  return names;
}

PromptFormat prompt_format(const std::filesystem::path& folder, const Tokenizer& tokenizer,
                           const std::string& name) {
  if (!name.empty()) {
    if (const auto style = style_of_name(name)) return of_style(*style, tokenizer);
    return of_template(ChatTemplate::named(name).with_settings_of(tokenizer), tokenizer);
  }
  const FolderTemplate found = template_of_folder(folder);
  if (found.style) return of_style(*found.style, tokenizer);
  if (!tokenizer.version().empty()) return of_template(ChatTemplate::of(tokenizer), tokenizer);
  // v1 is the version whose vocabulary has no control tokens of its own.
  if (found.mistral) return of_template(ChatTemplate::named("v1"), tokenizer);
  fail(
      "{}: no chat template is known for this model; a base model has none (tramontane generate continues a "
      "text), for another say which with --chat-template",
      folder.string());
}

}  // namespace tramontane::cli
