#include "chat/writer.h"

#include <algorithm>
#include <array>

#include "chat/chat_fail.h"
#include "chat/json_value.h"

namespace tramontane {

namespace {

using Version = ChatTemplate::Version;

JsonValue json_object(std::initializer_list<std::pair<std::string_view, JsonValue>> members) {
  JsonValue object{.kind = JsonValue::Kind::object};
  for (const auto& [key, value] : members) {
    object.keys.emplace_back(key);
    object.values.push_back(value);
  }
  return object;
}

JsonValue json_array(std::vector<JsonValue> values) {
  return {.kind = JsonValue::Kind::array, .values = std::move(values)};
}

/// The JSON that `text` is, or a string of `text`.
JsonValue json_or_string(std::string_view text) {
  std::optional<JsonValue> value = read_json(text);
  return value ? std::move(*value) : json_string(text);
}

std::string tools_text(const std::vector<Tool>& tools) {
  std::vector<JsonValue> list;
  for (const Tool& tool : tools) {
    const JsonValue function = json_object({{"name", json_string(tool.name)},
                                            {"description", json_string(tool.description)},
                                            {"parameters", json_or_string(tool.parameters)}});
    list.push_back(json_object({{"type", json_string("function")}, {"function", function}}));
  }
  return write_json(json_array(std::move(list)));
}

class Writer {
 public:
  Writer(const NormalizedRequest& request, const std::vector<Tool>& tools,
         const std::optional<std::string>& settings, Version version)
      : request_(request), tools_(tools), settings_(settings), version_(version) {}

  std::vector<PromptPiece> write() {
    find_users();
    if (version_ == Version::v2) check_single_results();
    control("<s>");
    for (std::size_t i = 0; i < request_.messages.size(); i++) {
      const Message& message = request_.messages[i];
      switch (message.role) {
        case Role::system:
          write_system(message);
          break;
        case Role::user:
          write_user(message, i);
          break;
        case Role::assistant:
          write_assistant(message, i);
          break;
        case Role::tool:
          write_result(message, i);
          break;
      }
    }
    return std::move(pieces_);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  void control(std::string_view name) {
    pieces_.push_back({.kind = PromptPiece::Kind::control, .text = std::string(name)});
  }

  void text(std::string_view text) {
    if (!text.empty()) pieces_.push_back({.text = std::string(text)});
  }

  void find_users() {
    for (std::size_t i = 0; i < request_.messages.size(); i++) {
      if (request_.messages[i].role != Role::user) continue;
      if (first_user_ == kNone) first_user_ = i;
      last_user_ = i;
    }
  }

  bool is_before_last_user(std::size_t index) const { return last_user_ != kNone && index < last_user_; }

  /// Version 2 has no ids that tell results apart.
  void check_single_results() const {
    bool calls = false;
    int results = 0;
    for (std::size_t i = last_user_ == kNone ? 0 : last_user_; i < request_.messages.size(); i++) {
      const Message& message = request_.messages[i];
      if (message.role == Role::tool) {
        if (calls && ++results > 1) {
          refuse(ChatErrorKind::not_encodable,
                 "v2: expected one tool result for an assistant's turn, found more");
        }
      } else {
        calls = message.role == Role::assistant && !message.tool_calls.empty();
        results = 0;
      }
    }
  }

  void write_system(const Message& message) {
    if (version_ == Version::v15 && !is_text(message)) {
      refuse(ChatErrorKind::not_encodable, "v15: expected no reasoning in system messages");
    }
    control("[SYSTEM_PROMPT]");
    write_parts(message);
    control("[/SYSTEM_PROMPT]");
  }

  void write_user(const Message& message, std::size_t index) {
    if (version_ == Version::v1) {
      const bool first = index == first_user_;
      text(fmt::format("[INST] {}{} [/INST]", first ? system_prefix() : "", text_of(message)));
      return;
    }
    if (index == (version_ >= Version::v13 ? first_user_ : last_user_)) write_tools_and_settings();
    control("[INST]");
    text((index == last_user_ ? system_prefix() : "") + std::string(text_of(message)));
    control("[/INST]");
  }

  /// What the system prompt puts before a user's text.
  std::string system_prefix() const {
    const std::string prompt = request_.system_prompt.value_or("");
    return prompt.empty() ? "" : prompt + "\n\n";
  }

  void write_tools_and_settings() {
    if (!tools_.empty()) {
      control("[AVAILABLE_TOOLS]");
      text(tools_text(tools_));
      control("[/AVAILABLE_TOOLS]");
    }
    if (settings_) {
      control("[MODEL_SETTINGS]");
      text(*settings_);
      control("[/MODEL_SETTINGS]");
    }
  }

  void write_assistant(const Message& message, std::size_t index) {
    const bool calls = !message.tool_calls.empty();
    if (version_ == Version::v1 && calls) refuse_tools();
    if (version_ < Version::v7 && calls && !message.content.empty()) {
      refuse(ChatErrorKind::not_encodable, "{}: expected a turn of either content or tool calls, found both",
             name());
    }
    if (!calls && message.content.empty()) {
      refuse(ChatErrorKind::not_encodable,
             "{}: expected content or tool calls in an assistant's turn, found neither", name());
    }
    if (version_ == Version::v2 && calls && is_before_last_user(index)) return;
    if (version_ == Version::v1 || !is_text(message)) {
      write_parts(message);
    } else {
      const std::string_view content = text_of(message);
      text(content.substr(0, content.find_last_not_of(' ') + 1));
    }
    if (calls) write_calls(message.tool_calls);
    if (!message.prefix) control("</s>");
  }

  void write_parts(const Message& message) {
    for (const ContentPart& part : message.content) {
      if (part.kind == ContentPart::Kind::text) {
        text(part.text);
        continue;
      }
      if (version_ < Version::v13) {
        refuse(ChatErrorKind::not_encodable,
               "{}: expected no reasoning, which versions before 13 cannot write", name());
      }
      control("[THINK]");
      text(part.text);
      if (part.closed) control("[/THINK]");
    }
  }

  void write_calls(const std::vector<ToolCall>& calls) {
    if (version_ < Version::v11) {
      std::vector<JsonValue> list;
      list.reserve(calls.size());
      for (const ToolCall& call : calls) list.push_back(json_call(call));
      control("[TOOL_CALLS]");
      text(write_json(json_array(std::move(list))));
      return;
    }
    for (const ToolCall& call : calls) {
      control("[TOOL_CALLS]");
      text(call.name);
      if (version_ == Version::v11) {
        control("[CALL_ID]");
        text(call.id);
      }
      control("[ARGS]");
      text(write_json(json_or_string(call.arguments)));
    }
  }

  JsonValue json_call(const ToolCall& call) const {
    JsonValue object =
        json_object({{"name", json_string(call.name)}, {"arguments", json_or_string(call.arguments)}});
    if (version_ >= Version::v3) {
      object.keys.emplace_back("id");
      object.values.push_back(json_string(call.id));
    }
    return object;
  }

  void write_result(const Message& message, std::size_t index) {
    if (version_ == Version::v1) refuse_tools();
    if (version_ == Version::v2 && is_before_last_user(index)) return;
    const JsonValue id = json_string(message.tool_call_id.value_or(""));
    control("[TOOL_RESULTS]");
    if (version_ == Version::v2) {
      const JsonValue name = message.name ? json_string(*message.name) : JsonValue{};
      text(write_json(
          json_array({json_object({{"name", name}, {"content", json_or_string(text_of(message))}})})));
    } else if (version_ == Version::v3) {
      text(write_json(json_object({{"content", json_or_string(text_of(message))}, {"call_id", id}})));
    } else {
      if (version_ < Version::v13) {
        text(id.text);
        control("[TOOL_CONTENT]");
      }
      text(text_of(message));
    }
    control("[/TOOL_RESULTS]");
  }

  [[noreturn]] void refuse_tools() const {
    refuse(ChatErrorKind::not_encodable,
           "{}: expected no tool calls or results, which this version cannot write", name());
  }

  std::string name() const { return fmt::format("v{}", static_cast<int>(version_)); }

  const NormalizedRequest& request_;
  const std::vector<Tool>& tools_;
  const std::optional<std::string>& settings_;
  Version version_;
  std::size_t first_user_ = kNone, last_user_ = kNone;
  std::vector<PromptPiece> pieces_;
};

}  // namespace

std::vector<PromptPiece> write_prompt(const NormalizedRequest& request, const std::vector<Tool>& tools,
                                      const std::optional<std::string>& settings, Version version) {
  return Writer(request, tools, settings, version).write();
}

}  // namespace tramontane
