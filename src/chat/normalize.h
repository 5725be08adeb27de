#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tramontane/chat.h"

namespace tramontane {

/// A conversation as its template writes it.
struct NormalizedRequest {
  std::vector<Message> messages;  // neighbours of one role are merged; at most one text between thoughts
  std::optional<std::string> system_prompt;  // of versions before 7, which have no system messages
};

/// `conversation` must have passed validate() for the same version.
NormalizedRequest normalize(const Conversation& conversation, ChatTemplate::Version version);

/// Whether the content is one text, perhaps empty, rather than a list of parts.
inline bool is_text(const Message& message) {
  return message.content.empty() ||
         (message.content.size() == 1 && message.content[0].kind == ContentPart::Kind::text);
}

/// Of such a content.
inline std::string_view text_of(const Message& message) {
  return message.content.empty() ? std::string_view() : message.content[0].text;
}

}  // namespace tramontane
