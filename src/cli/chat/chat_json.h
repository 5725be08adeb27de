#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "tramontane/chat.h"

namespace tramontane::cli {

/// A message in OpenAI's format: content as one text, reasoning as `reasoning`. Bytes as they are.
nlohmann::ordered_json to_json(const Message& message);

/// All of a conversation, as read_conversation reads it.
std::string to_text(const Conversation& conversation);

/// The conversation in a file. Throws Error naming the file.
Conversation load_conversation(const std::string& file);

}  // namespace tramontane::cli
