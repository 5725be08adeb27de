#include "chat/settings.h"

#include <gtest/gtest.h>

#include "chat/support.h"
#include "support/error_of.h"

namespace tramontane {
namespace {

constexpr const char* kRules =
    R"({"reasoning_effort": {"type": "enum", "values": ["none", "high"], "default": "none"}, "json_schema": {}})";

TEST(ChatSettings, ComeInAlphabeticalOrderWithTheDefaultEffort) {
  Conversation conversation{.json_schema = R"({"b":null,"a":{}})"};
  EXPECT_EQ(settings_text(conversation, read_settings_rules(kRules)),
            R"({"json_schema": {"b": null, "a": {}}, "reasoning_effort": "none"})");
  EXPECT_EQ(settings_text(conversation, read_settings_rules("{}")), std::nullopt);
}

TEST(ChatSettings, RefuseWhatTheModelDoesNotHave) {
  const Conversation low{.reasoning_effort = "low"}, schema{.json_schema = R"({"type": "strin"})"};
  const SettingsRules rules = read_settings_rules(kRules);
  EXPECT_EQ(refusal_of([&] { settings_text(low, rules); }),
            "request: reasoning_effort: expected one of none, high, found 'low'");
  EXPECT_EQ(refusal_of([&] { settings_text(schema, rules); }),
            "request: json_schema: expected a JSON Schema of draft 7");
  EXPECT_EQ(refusal_of([&] { settings_text(low, std::nullopt); }),
            "request: v15: expected the tokenizer's model_settings_builder, found none");
}

TEST(ChatSettings, RulesAreUntrusted) {
  const auto error = [](std::string_view rules) {
    return testing::error_of([&] { read_settings_rules(rules); });
  };
  EXPECT_EQ(error("[]"), "model_settings_builder: expected an object");
  EXPECT_EQ(error(R"({"reasoning_effort": {"values": ["none"]}})"),
            "model_settings_builder: key 'reasoning_effort': expected one of its values as 'default'");
  EXPECT_EQ(error(R"({"reasoning_effort": {"values": ["vast"], "default": "vast"}})"),
            "model_settings_builder: key 'reasoning_effort': expected values of 'none', 'minimal', 'low', "
            "'medium', "
            "'high', 'xhigh' or 'max', found 'vast'");
}

}  // namespace
}  // namespace tramontane
