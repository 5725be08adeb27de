#pragma once
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tramontane/error.h"
#include "tramontane/tokenizer.h"

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
  std::vector<ContentPart> content = {};         // none: no content, or an empty text
  std::vector<ToolCall> tool_calls = {};         // of an assistant
  std::optional<std::string> tool_call_id = {};  // of a tool's result
  std::optional<std::string> name = {};          // of a tool's result
  bool prefix = false;                           // of an assistant, the last message: to be continued
};

/// A function that the model may call.
struct Tool {
  std::string name = {};
  std::string description = {};
  std::string parameters = "{}";  // a JSON Schema of draft 7: an object, as text
};

/// All that a prompt is made of.
struct Conversation {
  std::vector<Message> messages = {};
  std::vector<Tool> tools = {};
  std::optional<std::string> reasoning_effort =
      {};  // "none", "minimal", "low", "medium", "high", "xhigh" or "max"
  std::optional<std::string> json_schema = {};  // of the answer: an object, as text
};

/// Why a conversation was refused.
enum class ChatErrorKind {
  format,             // not a conversation in OpenAI's format
  unsupported,        // a part that a text model cannot take, such as an image
  request,            // the conversation as a whole: its settings
  structure,          // the order of its messages
  system_prompt,      // one of them
  assistant_message,  // one of them
  tool_message,       // one of them
  function_call,      // of an assistant's message
  tool,               // one of the tools: its name
  tool_schema,        // one of the tools: its parameters
  not_encodable,      // the version of the template has no form for it
};

/// A conversation that a template refuses. The message says which part, what was expected and what was found.
class ChatError : public Error {
 public:
  ChatError(ChatErrorKind kind, const std::string& message) : Error(message), kind_(kind) {}
  ChatErrorKind kind() const { return kind_; }

 private:
  ChatErrorKind kind_;
};

/// A conversation from untrusted JSON in OpenAI's format: a list of messages, or an object with "messages"
/// and perhaps "tools", "reasoning_effort", "response_format" and "continue_final_message"; other keys of it,
/// such as "temperature", are not looked at. Has at most 16 MiB. Throws ChatError (format, unsupported,
/// structure, assistant_message).
Conversation read_conversation(std::string_view json);

/// A piece of a prompt: a control token's name, or text, which is encoded by itself and never makes a control
/// token.
struct PromptPiece {
  enum class Kind { control, text };
  Kind kind = Kind::text;
  std::string text = {};
  bool operator==(const PromptPiece&) const = default;
};

/// The ids of `pieces`, where "<s>" and "</s>" stand for the tokenizer's BOS and EOS. Throws Error when it
/// lacks one of the control tokens, naming it, and when a text is not valid UTF-8.
std::vector<TokenId> encode(std::span<const PromptPiece> pieces, const Tokenizer& tokenizer);

/// What a tokenizer's model_settings_builder allows in [MODEL_SETTINGS].
struct SettingsRules {
  std::vector<std::string> reasoning_efforts = {};  // that the model has
  std::optional<std::string> default_effort = {};   // empty: the model has no such setting
  bool json_schema = false;                         // the model has the setting
};

/// The same from the value of that key of a tekken.json, untrusted. Throws Error.
SettingsRules read_settings_rules(std::string_view json);

/// How one version of Mistral's instruct models writes a conversation. Validates, merges and writes exactly
/// what the Python package mistral-common 1.13.1 does. A value; safe to use from several threads at once.
class ChatTemplate {
 public:
  enum class Version { v1 = 1, v2 = 2, v3 = 3, v7 = 7, v11 = 11, v13 = 13, v15 = 15 };

  static constexpr std::array<std::string_view, 10> kNames = {
      "v1", "v2", "v3", "v3-tekken", "v7", "v7-tekken", "v11", "v13", "v15", "v15-tekken"};

  /// By a tokenizer's version ("v3") or one of kNames: both kinds of vocabularies have the same pieces.
  /// Throws Error for any other name.
  static ChatTemplate named(std::string_view name);

  /// That of the tokenizer's version, with the settings of its model. Throws Error when the tokenizer has no
  /// version.
  static ChatTemplate of(const Tokenizer& tokenizer);

  /// The same template with the settings of that tokenizer's model. Throws Error for wrong ones.
  ChatTemplate with_settings_of(const Tokenizer& tokenizer) const;

  /// `rules` are for v15, which needs them; earlier versions have no settings.
  explicit ChatTemplate(Version version, std::optional<SettingsRules> rules = {})
      : version_(version), rules_(std::move(rules)) {}

  /// BOS to the place where the model's answer starts. Throws ChatError.
  std::vector<PromptPiece> pieces(const Conversation& conversation) const;

  /// The ids of the same. Throws ChatError and what encode() of pieces throws.
  std::vector<TokenId> encode(const Conversation& conversation, const Tokenizer& tokenizer) const;

  /// The prompt for the text between `prefix` and `suffix`. Throws as encode() does; v1 has no such prompts.
  std::vector<TokenId> encode_infill(std::string_view prefix, std::string_view suffix,
                                     const Tokenizer& tokenizer) const;

  Version version() const { return version_; }

 private:
  Version version_;
  std::optional<SettingsRules> rules_;
};

}  // namespace tramontane
