#include "chat/chat_fail.h"
#include "chat/efforts.h"
#include "chat/json_value.h"
#include "chat/schema.h"

namespace tramontane {

namespace {

using Kind = JsonValue::Kind;

/// Where in the JSON a value is, for messages: "messages[3].content[0].text".
using Path = const std::string&;

[[noreturn]] void wrong(Path path, std::string_view expected, const JsonValue* found) {
  refuse(ChatErrorKind::format, "{}: expected {}, found {}", path, expected,
         found == nullptr ? "nothing" : describe(*found));
}

/// null counts as absent.
const JsonValue* find(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  return value == nullptr || value->is(Kind::null) ? nullptr : value;
}

const JsonValue& need(const JsonValue& object, const char* key, Path path) {
  const JsonValue* value = object.find(key);
  if (value == nullptr) wrong(fmt::format("{}.{}", path, key), "a value", nullptr);
  return *value;
}

void need(JsonValue&& value, Kind kind, std::string_view expected, Path path) = delete;  // it would dangle
const JsonValue& need(const JsonValue& value, Kind kind, std::string_view expected, Path path) {
  if (!value.is(kind)) wrong(path, expected, &value);
  return value;
}

const std::string& need_string(const JsonValue& object, const char* key, Path path) {
  return need(need(object, key, path), Kind::string, "a string", fmt::format("{}.{}", path, key)).text;
}

std::optional<std::string> optional_string(const JsonValue& object, const char* key, Path path) {
  if (find(object, key) == nullptr) return std::nullopt;
  return need_string(object, key, path);
}

bool flag(const JsonValue& object, const char* key, bool otherwise, Path path) {
  const JsonValue* value = object.find(key);
  if (value == nullptr) return otherwise;
  return need(*value, Kind::boolean, "true or false", fmt::format("{}.{}", path, key)).text == "true";
}

/// Of the one kind that there is.
void check_function_type(const JsonValue& object, Path path) {
  const JsonValue* type = object.find("type");
  if (type != nullptr && (!type->is(Kind::string) || type->text != "function")) {
    wrong(path + ".type", "'function'", type);
  }
}

void refuse_medium(std::string_view type, Path path) {
  for (const char* medium : {"image", "image_url", "input_audio", "audio_url"}) {
    if (type == medium) {
      refuse(ChatErrorKind::unsupported,
             "{}: expected text, found a part of type '{}': the model reads only text", path, medium);
    }
  }
}

ContentPart read_part(const JsonValue& part, Role role, Path path) {
  need(part, Kind::object, "an object", path);
  const std::string& type = need_string(part, "type", path);
  refuse_medium(type, path);
  if (type == "text") return {.text = need_string(part, "text", path)};
  if (type != "thinking") wrong(path + ".type", "'text' or 'thinking'", part.find("type"));
  if (role == Role::user || role == Role::tool) {
    wrong(path, "no 'thinking' in a message of this role", part.find("type"));
  }
  return {.kind = ContentPart::Kind::think,
          .text = need_string(part, "thinking", path),
          .closed = flag(part, "closed", true, path)};
}

std::vector<ContentPart> read_content(const JsonValue& content, Role role, Path path) {
  if (content.is(Kind::string)) {
    if (content.text.empty()) return {};
    return {{.text = content.text}};
  }
  need(content, Kind::array, "a string or a list of parts", path);
  std::vector<ContentPart> parts;
  parts.reserve(content.values.size());
  for (std::size_t i = 0; i < content.values.size(); i++) {
    parts.push_back(read_part(content.values[i], role, fmt::format("{}[{}]", path, i)));
  }
  return parts;
}

/// The model's reasoning beside the content, as some servers return it.
void add_reasoning(const JsonValue& message, std::vector<ContentPart>& content, Path path) {
  const auto first = optional_string(message, "reasoning_content", path);
  const auto second = optional_string(message, "reasoning", path);
  if (!first && !second) return;
  if (first && second && *first != *second)
    wrong(path + ".reasoning", "the same as reasoning_content", message.find("reasoning"));
  for (const ContentPart& part : content) {
    if (part.kind == ContentPart::Kind::think) {
      refuse(ChatErrorKind::assistant_message, "{}: expected reasoning in one place, found it in two", path);
    }
  }
  const JsonValue* given = find(message, "content");
  if (content.empty() && given != nullptr && given->is(Kind::string)) content.emplace_back();
  content.insert(content.begin(), {.kind = ContentPart::Kind::think, .text = first ? *first : *second});
}

ToolCall read_tool_call(const JsonValue& call, Path path) {
  need(call, Kind::object, "an object", path);
  check_function_type(call, path);
  ToolCall out{.id = "null"};
  if (call.find("id") != nullptr) out.id = need_string(call, "id", path);
  const std::string inner = path + ".function";
  const JsonValue& function = need(need(call, "function", path), Kind::object, "an object", inner);
  out.name = need_string(function, "name", inner);
  const JsonValue& arguments = need(function, "arguments", inner);
  if (arguments.is(Kind::null)) {
    out.arguments = "{}";
  } else if (arguments.is(Kind::object)) {
    out.arguments = write_json(arguments);
  } else {
    out.arguments =
        need(arguments, Kind::string, "JSON as a string, or an object", inner + ".arguments").text;
  }
  return out;
}

void read_assistant(const JsonValue& message, Message& out, Path path) {
  if (const JsonValue* calls = find(message, "tool_calls"); calls != nullptr) {
    need(*calls, Kind::array, "a list", path + ".tool_calls");
    for (std::size_t i = 0; i < calls->values.size(); i++) {
      out.tool_calls.push_back(read_tool_call(calls->values[i], fmt::format("{}.tool_calls[{}]", path, i)));
    }
  }
  if (const JsonValue* content = find(message, "content"); content != nullptr) {
    out.content = read_content(*content, out.role, path + ".content");
  }
  add_reasoning(message, out.content, path);
  out.prefix = flag(message, "prefix", false, path);
}

Role read_role(const JsonValue& message, Path path) {
  const std::string& role = need_string(message, "role", path);
  if (role == "system" || role == "developer") return Role::system;
  if (role == "user") return Role::user;
  if (role == "assistant") return Role::assistant;
  if (role == "tool") return Role::tool;
  wrong(path + ".role", "'system', 'user', 'assistant' or 'tool'", message.find("role"));
}

Message read_message(const JsonValue& message, Path path) {
  need(message, Kind::object, "an object", path);
  Message out{.role = read_role(message, path)};
  if (out.role == Role::assistant) {
    read_assistant(message, out, path);
    return out;
  }
  out.content = read_content(need(message, "content", path), out.role, path + ".content");
  if (out.role == Role::tool) {
    need(message, "tool_call_id", path);
    out.tool_call_id = optional_string(message, "tool_call_id", path);
    out.name = optional_string(message, "name", path);
  }
  return out;
}

Tool read_tool(const JsonValue& tool, Path path) {
  need(tool, Kind::object, "an object", path);
  check_function_type(tool, path);
  const std::string inner = path + ".function";
  const JsonValue& function = need(need(tool, "function", path), Kind::object, "an object", inner);
  Tool out{.name = need_string(function, "name", inner)};
  out.description = optional_string(function, "description", inner).value_or("");
  if (find(function, "strict") != nullptr) flag(function, "strict", false, inner);
  if (const JsonValue* parameters = find(function, "parameters"); parameters != nullptr) {
    out.parameters = write_json(need(*parameters, Kind::object, "an object", inner + ".parameters"));
  }
  return out;
}

/// The schema that an answer must have; none: any text will do.
std::optional<std::string> read_response_format(const JsonValue& format) {
  const std::string path = "response_format";
  need(format, Kind::object, "an object", path);
  const std::string type = format.find("type") == nullptr ? "text" : need_string(format, "type", path);
  std::optional<std::string> text;
  if (const JsonValue* given = find(format, "json_schema"); given != nullptr) {
    const std::string inner = path + ".json_schema";
    need(*given, Kind::object, "an object", inner);
    need_string(*given, "name", inner);
    optional_string(*given, "description", inner);
    flag(*given, "strict", false, inner);
    const JsonValue& schema =
        need(need(*given, "schema", inner), Kind::object, "an object", inner + ".schema");
    if (!is_schema(schema)) wrong(inner + ".schema", "a JSON Schema of draft 7", &schema);
    text = write_json(schema);
  }
  if (type == "text") return std::nullopt;
  if (type == "json_object") return R"({"anyOf": [{"type": "object"}, {"type": "array"}]})";
  if (type != "json_schema")
    wrong(path + ".type", "'text', 'json_object' or 'json_schema'", format.find("type"));
  if (!text) wrong(path + ".json_schema", "a schema", nullptr);
  return text;
}

std::optional<std::string> read_effort(const JsonValue& object) {
  auto effort = optional_string(object, "reasoning_effort", "");
  if (effort && !is_effort(*effort)) {
    wrong("reasoning_effort", kEffortNames, object.find("reasoning_effort"));
  }
  return effort;
}

std::vector<Message> read_messages(const JsonValue& messages) {
  need(messages, Kind::array, "a list of messages", "messages");
  std::vector<Message> out;
  out.reserve(messages.values.size());
  for (std::size_t i = 0; i < messages.values.size(); i++) {
    out.push_back(read_message(messages.values[i], fmt::format("messages[{}]", i)));
  }
  return out;
}

}  // namespace

Conversation read_conversation(std::string_view text) {
  constexpr std::size_t kLargest = 16 << 20;
  if (text.size() > kLargest) {
    refuse(ChatErrorKind::format, "expected a conversation of at most {} bytes, found {}", kLargest,
           text.size());
  }
  const std::optional<JsonValue> json = read_json(text);
  if (!json) refuse(ChatErrorKind::format, "expected a conversation as JSON, found a syntax error");
  if (json->is(Kind::array)) return {.messages = read_messages(*json)};
  need(*json, Kind::object, "an object or a list of messages", "the conversation");

  Conversation out{.messages = read_messages(need(*json, "messages", "the conversation"))};
  if (flag(*json, "continue_final_message", false, "the conversation")) {
    if (out.messages.empty() || out.messages.back().role != Role::assistant) {
      refuse(ChatErrorKind::structure, "continue_final_message: expected a last message of the assistant");
    }
    out.messages.back().prefix = true;
  }
  if (const JsonValue* tools = find(*json, "tools"); tools != nullptr) {
    need(*tools, Kind::array, "a list", "tools");
    for (std::size_t i = 0; i < tools->values.size(); i++) {
      out.tools.push_back(read_tool(tools->values[i], fmt::format("tools[{}]", i)));
    }
  }
  if (const JsonValue* format = json->find("response_format"); format != nullptr) {
    out.json_schema = read_response_format(*format);
  }
  out.reasoning_effort = read_effort(*json);
  return out;
}

}  // namespace tramontane
