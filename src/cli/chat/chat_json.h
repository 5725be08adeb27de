#pragma once
#include <nlohmann/json.hpp>

#include "tramontane/chat.h"

namespace tramontane::cli {

/// A message in OpenAI's format: content as one text, reasoning as `reasoning`. Bytes as they are.
nlohmann::ordered_json to_json(const Message& message);

/// {"messages": [...], "tools": [...]}, as read_conversation reads it.
nlohmann::ordered_json to_json(const Conversation& conversation);

}  // namespace tramontane::cli
