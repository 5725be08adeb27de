#include "cli/chat/chat_json.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/text_input.h"
#include "core/fail.h"

namespace tramontane::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of(Role role) {
  switch (role) {
    case Role::system:
      return "system";
    case Role::user:
      return "user";
    case Role::assistant:
      return "assistant";
    case Role::tool:
      return "tool";
  }
  return "?";
}

std::string joined(const Message& message, ContentPart::Kind kind) {
  std::string text;
  for (const ContentPart& part : message.content) {
    if (part.kind == kind) text += part.text;
  }
  return text;
}

/// Whether one text says it all, or a finished thought and one text.
bool is_plain(const std::vector<ContentPart>& parts) {
  const auto thinks = [&](std::size_t i) { return parts[i].kind == ContentPart::Kind::think; };
  if (parts.size() == 2) return thinks(0) && parts[0].closed && !parts[0].text.empty() && !thinks(1);
  return parts.empty() || (parts.size() == 1 && !thinks(0));
}

Json part_json(const ContentPart& part) {
  if (part.kind == ContentPart::Kind::text) return {{"type", "text"}, {"text", part.text}};
  return {{"type", "thinking"}, {"thinking", part.text}, {"closed", part.closed}};
}

/// All of the message.
Json exact_json(const Message& message) {
  Json json = cli::to_json(message);
  if (!is_plain(message.content)) {
    json.erase("reasoning");
    json["content"] = Json::array();
    for (const ContentPart& part : message.content) json["content"].push_back(part_json(part));
  }
  if (message.prefix) json["prefix"] = true;
  return json;
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// The parameters are text that goes through no other reader: numbers and the order of keys stay.
std::string text_of(const Tool& tool) {
  return fmt::format(
      R"({{"type": "function", "function": {{"name": {}, "description": {}, "parameters": {}}}}})",
      text_of(Json(tool.name)), text_of(Json(tool.description)), tool.parameters);
}

std::string text_of_format(const std::string& schema) {
  return fmt::format(R"({{"type": "json_schema", "json_schema": {{"name": "answer", "schema": {}}}}})",
                     schema);
}

/// An element a line.
std::string list_of(const std::vector<std::string>& elements) {
  return elements.empty() ? "[]" : fmt::format("[\n{}\n]", fmt::join(elements, ",\n"));
}

}  // namespace

Json to_json(const Message& message) {
  Json json = {{"role", name_of(message.role)}, {"content", joined(message, ContentPart::Kind::text)}};
  if (const auto reasoning = joined(message, ContentPart::Kind::think); !reasoning.empty())
    json["reasoning"] = reasoning;
  for (const ToolCall& call : message.tool_calls) {
    json["tool_calls"].push_back({{"id", call.id},
                                  {"type", "function"},
                                  {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  if (message.tool_call_id) json["tool_call_id"] = *message.tool_call_id;
  if (message.name) json["name"] = *message.name;
  return json;
}

std::string to_text(const Conversation& conversation) {
  std::vector<std::string> messages;
  messages.reserve(conversation.messages.size());
  for (const Message& message : conversation.messages) messages.push_back(text_of(exact_json(message)));
  std::string text = R"({"messages": )" + list_of(messages);
  if (!conversation.tools.empty()) {
    std::vector<std::string> tools;
    tools.reserve(conversation.tools.size());
    for (const Tool& tool : conversation.tools) tools.push_back(text_of(tool));
    text += ",\n\"tools\": " + list_of(tools);
  }
  if (conversation.reasoning_effort)
    text += ",\n\"reasoning_effort\": " + text_of(*conversation.reasoning_effort);
  if (conversation.json_schema) {
    text += fmt::format(",\n\"response_format\": {}", text_of_format(*conversation.json_schema));
  }
  return text + "}\n";
}

Conversation load_conversation(const std::string& file) {
  const std::string text = read_text(file);
  try {
    return read_conversation(text);
  } catch (const ChatError& error) {
    fail("{}: {}", file, error.what());
  }
}

}  // namespace tramontane::cli
