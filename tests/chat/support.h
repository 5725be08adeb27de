#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "core/mapped_file.h"
#include "tramontane/chat.h"

namespace tramontane {

/// The spelling of kinds in the golden file.
inline std::string name_of(ChatErrorKind kind) {
  switch (kind) {
    case ChatErrorKind::format:
      return "format";
    case ChatErrorKind::unsupported:
      return "unsupported";
    case ChatErrorKind::request:
      return "request";
    case ChatErrorKind::structure:
      return "structure";
    case ChatErrorKind::system_prompt:
      return "system_prompt";
    case ChatErrorKind::assistant_message:
      return "assistant_message";
    case ChatErrorKind::tool_message:
      return "tool_message";
    case ChatErrorKind::function_call:
      return "function_call";
    case ChatErrorKind::tool:
      return "tool";
    case ChatErrorKind::tool_schema:
      return "tool_schema";
    case ChatErrorKind::not_encodable:
      return "not_encodable";
  }
  return "?";
}

/// "KIND: message" of the ChatError that `run` throws.
inline std::string refusal_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const ChatError& error) {
    return name_of(error.kind()) + ": " + error.what();
  }
  return "nothing was thrown";
}

/// A small vocabulary with the control tokens of version 7.
inline Tokenizer instruct_tokenizer() {
  const std::string path = std::string(TEST_DATA) + "/tokenizers/instruct.model";
  return Tokenizer::from_bytes(read_text(path, 1 << 20), "instruct.model");
}

}  // namespace tramontane
