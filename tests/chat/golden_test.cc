#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "chat/json_value.h"
#include "chat/schema.h"
#include "chat/support.h"

// Against what mistral-common makes of the same input: tests/golden/chat.json, from make_chat_golden.py.
namespace tramontane {
namespace {

using nlohmann::json;

const json& golden() {
  static const json parsed = json::parse(std::ifstream(std::string(TEST_GOLDEN) + "/chat.json"));
  return parsed;
}

ChatTemplate template_of(const json& entry) {
  ChatTemplate chat = ChatTemplate::named(entry.at("template").get<std::string>());
  if (!entry.contains("rules") || entry.at("rules").is_null()) return chat;
  return ChatTemplate(chat.version(), read_settings_rules(entry.at("rules").get<std::string>()));
}

/// The pieces as in the golden file, or the kind of the refusal.
json outcome(const json& entry) {
  try {
    json pieces = json::array();
    const auto conversation = read_conversation(entry.at("conversation").get<std::string>());
    for (const PromptPiece& piece : template_of(entry).pieces(conversation)) {
      pieces.push_back({piece.kind == PromptPiece::Kind::control ? "control" : "text", piece.text});
    }
    return {{"pieces", pieces}};
  } catch (const ChatError& error) {
    return {{"error", name_of(error.kind())}};
  }
}

TEST(ChatGolden, EveryVersionWritesAndRefusesAsMistralCommonDoes) {
  std::map<std::string, int> prompts, refusals;
  for (const json& entry : golden().at("pieces")) {
    const json found = outcome(entry);
    const std::string key = found.begin().key(), name = entry.at("template");
    ASSERT_TRUE(entry.contains(key)) << entry << "\nfound " << found;
    EXPECT_EQ(found.at(key), entry.at(key)) << entry;
    (key == "error" ? refusals : prompts)[name]++;
  }
  for (const char* name : {"v1", "v2", "v3", "v7", "v11", "v13", "v15"}) {
    EXPECT_GE(prompts[name], 10) << name;
    EXPECT_GE(refusals[name], 10) << name;
  }
}

TEST(ChatGolden, ThePackagesOwnExamplesAreWrittenAlike) {
  int prompts = 0;
  for (const json& entry : golden().at("published")) {
    const json found = outcome(entry);
    EXPECT_EQ(found.begin().value(), entry.at(found.begin().key())) << entry;
    if (found.contains("pieces")) prompts++;
  }
  EXPECT_EQ(prompts, 20);  // v1 has no calls
}

TEST(ChatGolden, IdsAreThoseOfMistralCommonWithTheSameVocabulary) {
  const Tokenizer tokenizer = instruct_tokenizer();
  EXPECT_GE(golden().at("ids").size(), 10U);
  for (const json& entry : golden().at("ids")) {
    const auto conversation = read_conversation(entry.at("conversation").get<std::string>());
    EXPECT_EQ(template_of(entry).encode(conversation, tokenizer), entry.at("ids").get<std::vector<TokenId>>())
        << entry;
  }
  for (const json& entry : golden().at("infill")) {
    EXPECT_EQ(ChatTemplate::named("v3").encode_infill(entry.at("prefix").get<std::string>(),
                                                      entry.at("suffix").get<std::string>(), tokenizer),
              entry.at("ids").get<std::vector<TokenId>>())
        << entry;
  }
}

/// The small tekken.json with the version, the special tokens and the settings of `entry`.
Tokenizer tekken_of(const json& entry) {
  json file = json::parse(std::ifstream(std::string(TEST_DATA) + "/tekken/tekken.json"));
  file.at("config").update(entry.at("config"));
  file["special_tokens"] = json::array();
  for (const json& name : entry.at("special_tokens")) {
    file["special_tokens"].push_back({{"rank", file["special_tokens"].size()}, {"token_str", name}});
  }
  const json& settings = entry.at("model_settings_builder");
  if (!settings.is_null()) file["model_settings_builder"] = settings;
  return Tokenizer::from_bytes(file.dump(), "tekken.json");
}

TEST(ChatGolden, ATekkenFileSaysItsTemplateAndSettings) {
  ASSERT_EQ(golden().at("tekken").size(), 3U);
  for (const json& entry : golden().at("tekken")) {
    const Tokenizer tokenizer = tekken_of(entry);
    const ChatTemplate chat = ChatTemplate::of(tokenizer);
    EXPECT_EQ(ChatTemplate::named(entry.at("template").get<std::string>()).version(), chat.version());
    const auto settings = std::ranges::count_if(entry.at("cases"), [&](const json& one) {
      const auto conversation = read_conversation(one.at("conversation").get<std::string>());
      const std::vector<TokenId> ids = chat.encode(conversation, tokenizer);
      EXPECT_EQ(ids, one.at("ids").get<std::vector<TokenId>>()) << entry.at("template") << " " << one;
      return std::ranges::count(ids, tokenizer.control_id("[MODEL_SETTINGS]")) > 0;
    });
    EXPECT_GE(entry.at("cases").size(), 10U);
    EXPECT_EQ(settings > 0, entry.at("template") == "v15");
  }
}

TEST(ChatGolden, JsonIsReadAndWrittenAsPythonDoes) {
  for (const json& entry : golden().at("json")) {
    const std::optional<JsonValue> value = read_json(entry[0].get<std::string>());
    EXPECT_EQ(value.has_value(), entry[1].is_string()) << entry;
    if (value) EXPECT_EQ(write_json(*value), entry[1].get<std::string>()) << entry;
  }
}

TEST(ChatGolden, SchemasAreCheckedAsDraft7Says) {
  for (const json& entry : golden().at("schemas")) {
    EXPECT_EQ(is_schema(read_json(entry[0].get<std::string>()).value_or(JsonValue{})), entry[1].get<bool>())
        << entry;
  }
}

}  // namespace
}  // namespace tramontane
