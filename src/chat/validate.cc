#include "chat/validate.h"

#include <algorithm>
#include <array>
#include <set>

#include "chat/chat_fail.h"
#include "chat/json_value.h"
#include "chat/schema.h"

namespace tramontane {

namespace {

using Version = ChatTemplate::Version;

constexpr std::string_view kNoId = "null";

std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 4> kNames = {"system", "user", "assistant", "tool"};
  return kNames[static_cast<std::size_t>(role)];
}

/// Letters and digits, and the others of `more`, at least `least` and at most `most`. A newline may follow
/// them, as
/// `$` of Python's regular expressions allows.
bool is_word(std::string_view text, std::string_view more, std::size_t least, std::size_t most) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  return text.size() >= least && text.size() <= most && std::ranges::all_of(text, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  more.find(c) != std::string_view::npos;
         });
}

bool is_function_name(std::string_view text) { return is_word(text, "_-", 1, 64); }
bool is_call_id(std::string_view text) { return is_word(text, "", 9, 9); }

/// Checks one conversation. `at_` is the message that the checks of a message look at, for their errors.
class Validator {
 public:
  Validator(const Conversation& conversation, Version version)
      : conversation_(conversation), messages_(conversation.messages), version_(version) {}

  void check() {
    check_ends();
    check_order();
    if (version_ >= Version::v11) {
      check_results_by_id();
    } else {
      check_result_counts();
    }
    for (at_ = 0; at_ < messages_.size(); at_++) check_message(messages_[at_]);
    for (const Tool& tool : conversation_.tools) check_tool(tool);
    if (version_ < Version::v15 && conversation_.reasoning_effort) {
      refuse(ChatErrorKind::request, "reasoning_effort: expected none, as the model has no such setting");
    }
  }

 private:
  void check_ends() const {
    using enum ChatErrorKind;
    if (messages_.empty()) refuse(structure, "messages: expected at least one, found none");
    const Message& last = messages_.back();
    if (messages_.size() == 1) {
      if (last.role != Role::user && last.role != Role::system) {
        refuse(structure, "messages[0]: expected a user's or system message, found one of role '{}'",
               name_of(last.role));
      }
    } else if (last.role == Role::assistant && !last.prefix) {
      refuse(structure,
             "messages[{}]: expected a last message of a user, a tool, or an assistant with prefix",
             messages_.size() - 1);
    }
  }

  void check_order() const {
    for (std::size_t i = 1; i < messages_.size(); i++) {
      const Role before = messages_[i - 1].role, role = messages_[i].role;
      const bool starts_turn = before == Role::system || before == Role::user;
      if (starts_turn ? role == Role::tool : role == Role::system) {
        refuse(ChatErrorKind::structure, "messages[{}]: expected another role after '{}', found '{}'", i,
               name_of(before), name_of(role));
      }
    }
  }

  // The first message is not looked at by either of these, and calls of the last one may wait for their
  // results.
  void check_result_counts() const {
    std::size_t calls = 0, results = 0;
    for (std::size_t i = 1; i < messages_.size(); i++) {
      if (messages_[i].role == Role::tool) results++;
      if (messages_[i].role != Role::assistant) continue;
      if (calls != results) refuse_count(i, calls, results);
      calls = messages_[i].tool_calls.size();
      results = 0;
    }
  }

  void check_results_by_id() const {
    using enum ChatErrorKind;
    std::set<std::optional<std::string>> calls, results;
    for (std::size_t i = 1; i < messages_.size(); i++) {
      const Message& message = messages_[i];
      if (message.role == Role::tool) {
        const std::string id = printable(message.tool_call_id.value_or(std::string(kNoId)));
        if (!calls.contains(message.tool_call_id)) {
          refuse(structure, "messages[{}].tool_call_id: expected that of a call before it, found {}", i, id);
        }
        if (!results.insert(message.tool_call_id).second) {
          refuse(structure, "messages[{}].tool_call_id: expected each once, found {} again", i, id);
        }
      } else if (message.role == Role::assistant) {
        if (calls.size() != results.size()) refuse_count(i, calls.size(), results.size());
        calls.clear();
        results.clear();
        for (const ToolCall& call : message.tool_calls) {
          if (!calls.insert(call.id).second) {
            refuse(structure, "messages[{}].tool_calls: expected each id once, found {} again", i,
                   printable(call.id));
          }
        }
      }
    }
  }

  [[noreturn]] static void refuse_count(std::size_t message, std::size_t calls, std::size_t results) {
    refuse(ChatErrorKind::structure, "messages[{}]: expected {} tool results before it, found {}", message,
           calls, results);
  }

  void check_message(const Message& message) const {
    if (message.role == Role::system) {
      // Versions 7 to 13 let it through here; whether they can write it is another matter.
      const bool thinks = version_ >= Version::v7 && version_ <= Version::v13;
      check_parts(message, thinks, ChatErrorKind::system_prompt);
    } else if (message.role == Role::assistant) {
      check_assistant(message);
    } else if (message.role == Role::tool) {
      check_result(message);
    }
  }

  void check_parts(const Message& message, bool thinks, ChatErrorKind kind) const {
    for (const ContentPart& part : message.content) {
      if (part.kind == ContentPart::Kind::think && !thinks) {
        refuse(kind, "messages[{}].content: expected no reasoning in a message of role '{}'", at_,
               name_of(message.role));
      }
    }
  }

  void check_assistant(const Message& message) const {
    using enum ChatErrorKind;
    check_parts(message, version_ >= Version::v11, assistant_message);
    if (version_ < Version::v7 && message.content.empty() == message.tool_calls.empty()) {
      refuse(assistant_message, "messages[{}]: expected either content or tool calls, found {}", at_,
             message.content.empty() ? "neither" : "both");
    }
    for (const ToolCall& call : message.tool_calls) check_call(call);
    if (message.prefix && at_ + 1 < messages_.size()) {
      refuse(assistant_message, "messages[{}].prefix: expected only of the last message", at_);
    }
  }

  void check_call(const ToolCall& call) const {
    if (!is_id(call.id) || (version_ >= Version::v3 && call.id == kNoId)) {
      refuse(ChatErrorKind::function_call, "messages[{}].tool_calls: expected {}, found {}", at_, id_form(),
             printable(call.id));
    }
    if (!is_function_name(call.name)) {
      refuse(ChatErrorKind::function_call, "messages[{}].tool_calls: expected {}, found {}", at_, kNameForm,
             printable(call.name));
    }
  }

  void check_result(const Message& message) const {
    using enum ChatErrorKind;
    check_parts(message, false, tool_message);
    if (message.name && !is_function_name(*message.name)) {
      refuse(tool_message, "messages[{}].name: expected {}, found {}", at_, kNameForm,
             printable(*message.name));
    }
    if (version_ < Version::v3) return;
    if (!message.tool_call_id && version_ < Version::v13) {
      refuse(request, "messages[{}].tool_call_id: expected {}, found none", at_, id_form());
    }
    const std::string id = message.tool_call_id.value_or("");
    if (!is_id(id) || (version_ >= Version::v13 && id == kNoId)) {
      refuse(tool_message, "messages[{}].tool_call_id: expected {}, found {}", at_, id_form(), printable(id));
    }
  }

  /// Before version 3, calls have no ids; from 13 on, any text will do.
  bool is_id(std::string_view id) const {
    if (version_ < Version::v3) return true;
    return version_ < Version::v13 ? is_call_id(id) : !id.empty();
  }

  std::string_view id_form() const {
    return version_ < Version::v13 ? "an id of nine letters and digits" : "an id other than 'null'";
  }

  static void check_tool(const Tool& tool) {
    const std::optional<JsonValue> parameters = read_json(tool.parameters);
    if (!parameters || !parameters->is(JsonValue::Kind::object) || !is_schema(*parameters)) {
      refuse(ChatErrorKind::tool_schema, "tool {}: expected parameters as a JSON Schema of draft 7",
             printable(tool.name));
    }
    if (!is_function_name(tool.name)) {
      refuse(ChatErrorKind::tool, "tools: expected {}, found {}", kNameForm, printable(tool.name));
    }
  }

  static constexpr std::string_view kNameForm = "a name of 1 to 64 letters, digits, _ and -";

  const Conversation& conversation_;
  const std::vector<Message>& messages_;
  Version version_;
  std::size_t at_ = 0;
};

}  // namespace

void validate(const Conversation& conversation, Version version) { Validator(conversation, version).check(); }

}  // namespace tramontane
