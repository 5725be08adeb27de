#pragma once
#include <optional>
#include <string>
#include <vector>

namespace tramontane {

enum class Role { system, user, assistant, tool };

/// A function that the model asks to call.
struct ToolCall {
  std::string id = {};  // nine letters and digits, or "null": none was given
  std::string name = {};
  std::string arguments = {};  // JSON, as text
};

/// A part of a message's content.
struct ContentPart {
  enum class Kind { text, think };
  Kind kind = Kind::text;
  std::string text = {};
  bool closed = true;  // of a think part: [/THINK] follows it
};

/// One message of a conversation, as OpenAI's and mistral-common's formats have them.
struct Message {
  Role role = Role::user;
  std::vector<ContentPart> content = {};
  std::vector<ToolCall> tool_calls = {};  // of an assistant
  std::string tool_call_id = {};          // of a tool's result
  std::string name = {};                  // of a tool's result
  bool prefix = false;                    // of an assistant, the last message: to be continued
};

}  // namespace tramontane
