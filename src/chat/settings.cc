#include "chat/settings.h"

#include <algorithm>
#include <array>

#include "chat/chat_fail.h"
#include "chat/efforts.h"
#include "chat/json_value.h"
#include "chat/schema.h"

namespace tramontane {

namespace {

using Kind = JsonValue::Kind;

/// "reasoning_effort" of the rules: {"type": "enum", "values": [...], "default": "..."}.
void read_efforts(const JsonValue& rule, SettingsRules& rules) {
  constexpr const char* kPlace = "model_settings_builder: key 'reasoning_effort'";
  const JsonValue* values = rule.find("values");
  const JsonValue* otherwise = rule.find("default");
  if (values == nullptr || !values->is(Kind::array)) fail("{}: expected a list of 'values'", kPlace);
  for (const JsonValue& value : values->values) {
    if (!value.is(Kind::string) || !is_effort(value.text)) {
      fail("{}: expected values of {}, found {}", kPlace, kEffortNames, describe(value));
    }
    rules.reasoning_efforts.push_back(value.text);
  }
  if (otherwise == nullptr || !otherwise->is(Kind::string) ||
      std::ranges::find(rules.reasoning_efforts, otherwise->text) == rules.reasoning_efforts.end()) {
    fail("{}: expected one of its values as 'default'", kPlace);
  }
  rules.default_effort = otherwise->text;
}

std::string effort_of(const Conversation& conversation, const SettingsRules& rules) {
  const std::string effort = conversation.reasoning_effort.value_or(rules.default_effort.value_or(""));
  if (std::ranges::find(rules.reasoning_efforts, effort) == rules.reasoning_efforts.end()) {
    refuse(ChatErrorKind::request, "reasoning_effort: expected one of {}, found {}",
           fmt::join(rules.reasoning_efforts, ", "), printable(effort));
  }
  return effort;
}

}  // namespace

SettingsRules read_settings_rules(std::string_view json) {
  const std::optional<JsonValue> value = read_json(json);
  if (!value || !value->is(Kind::object)) fail("model_settings_builder: expected an object");
  SettingsRules rules;
  const JsonValue* effort = value->find("reasoning_effort");
  const JsonValue* schema = value->find("json_schema");
  if (effort != nullptr && !effort->is(Kind::null)) read_efforts(*effort, rules);
  rules.json_schema = schema != nullptr && !schema->is(Kind::null);
  return rules;
}

std::optional<std::string> settings_text(const Conversation& conversation,
                                         const std::optional<SettingsRules>& rules) {
  if (!rules)
    refuse(ChatErrorKind::request, "v15: expected the tokenizer's model_settings_builder, found none");
  JsonValue settings{.kind = Kind::object};
  if (rules->json_schema && conversation.json_schema) {
    std::optional<JsonValue> schema = read_json(*conversation.json_schema);
    if (!schema || !schema->is(Kind::object) || !is_schema(*schema)) {
      refuse(ChatErrorKind::request, "json_schema: expected a JSON Schema of draft 7");
    }
    settings.keys.emplace_back("json_schema");
    settings.values.push_back(std::move(*schema));
  }
  if (rules->default_effort) {
    settings.keys.emplace_back("reasoning_effort");
    settings.values.push_back(json_string(effort_of(conversation, *rules)));
  }
  if (settings.keys.empty()) return std::nullopt;
  return write_json(settings);
}

}  // namespace tramontane
