#include "cli/chat/chat_json.h"

#include <string>

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

Json to_json(const Conversation& conversation) {
  Json json = {{"messages", Json::array()}};
  for (const Message& message : conversation.messages) json["messages"].push_back(to_json(message));
  for (const Tool& tool : conversation.tools) {
    const Json parameters = Json::parse(tool.parameters, nullptr, false);
    json["tools"].push_back(
        {{"type", "function"},
         {"function", {{"name", tool.name}, {"description", tool.description}, {"parameters", parameters}}}});
  }
  if (conversation.reasoning_effort) json["reasoning_effort"] = *conversation.reasoning_effort;
  return json;
}

}  // namespace tramontane::cli
