#include "chat/styles.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "chat/jinja_form.h"
#include "support/error_of.h"
#include "support/temp_folder.h"
#include "tokenizer/model_writer.h"

namespace tramontane {
namespace {

using nlohmann::json;
using testing::error_of;
using testing::TempFolder;

const std::filesystem::path kTemplates = std::filesystem::path(TEST_DATA) / "chat_templates";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

ChatStyle style_of_file(const std::string& name) {
  const auto style = recognise_style(read(kTemplates / (name + ".jinja")));
  EXPECT_TRUE(style) << name;
  return style.value_or(ChatStyle{});
}

Message message(Role role, const std::string& text) {
  return {.role = role, .content = {{ContentPart::Kind::text, text}}};
}

std::vector<Message> messages_of(const json& list) {
  static const std::map<std::string, Role> roles = {
      {"system", Role::system}, {"user", Role::user}, {"assistant", Role::assistant}};
  std::vector<Message> messages;
  for (const json& one : list) {
    messages.push_back(message(roles.at(one["role"].get<std::string>()), one["content"]));
  }
  return messages;
}

std::string text_of(const std::vector<ChatSegment>& segments) {
  std::string text;
  for (const ChatSegment& segment : segments) {
    if (segment.kind == ChatSegment::Kind::bos) text += "<bos>";
    if (segment.kind == ChatSegment::Kind::eos) text += "<eos>";
    text += segment.text;
  }
  return text;
}

/// tests/oracle/make_styles_golden.py gives the tests a larger file too.
json golden_file() {
  const char* larger = std::getenv("TRAMONTANE_CHAT_STYLES");
  return json::parse(std::ifstream(larger != nullptr ? larger : TEST_GOLDEN "/chat_styles.json"));
}

/// Of a form whose tags have no output.
std::string output_of(std::string form) {
  for (const auto& [opening, closing] : {std::pair("{%", "%}"), std::pair("{{", "}}")}) {
    for (std::size_t at; (at = form.find(opening)) != std::string::npos;) {
      const std::size_t quoted =
          form.compare(at, 8, "{%set a ") == 0 ? form.find("'%}'", at) : std::string::npos;
      const std::size_t end = form.find(closing, at);
      form.erase(at, (quoted != std::string::npos && quoted + 1 == end ? form.find(closing, end + 2) : end) +
                         2 - at);
    }
  }
  return form;
}

TEST(JinjaForm, KeepsTextAsJinjaDoes) {
  const json golden = golden_file();
  ASSERT_GE(golden["layouts"].size(), 135U);
  for (const json& one : golden["layouts"]) {
    const auto form = jinja_form(one["source"].get<std::string>());
    ASSERT_TRUE(form) << one;
    EXPECT_EQ(output_of(*form), one["text"].get<std::string>()) << one;
  }
}

TEST(Styles, RenderAsJinjaDoes) {
  const json golden = golden_file();
  ASSERT_GE(golden["cases"].size(), 135U);
  for (const json& one : golden["cases"]) {
    const ChatStyle style = style_of_file(one["template"]);
    const std::vector<Message> messages = messages_of(one["messages"]);
    if (one["text"].is_null()) {
      EXPECT_NE(error_of([&] { render(style, messages); }).find("messages: expected"), std::string::npos)
          << one;
    } else {
      EXPECT_EQ(text_of(render(style, messages)), one["text"].get<std::string>()) << one;
    }
  }
}

TEST(Styles, AreRecognisedHoweverTheyAreLaidOut) {
  EXPECT_EQ(style_of_file("llama2").family, ChatStyle::Family::llama2);
  EXPECT_EQ(style_of_file("llama3_always").family, ChatStyle::Family::llama3);
  EXPECT_EQ(style_of_file("zephyr").family, ChatStyle::Family::zephyr);
  EXPECT_TRUE(style_of_file("chatml_bos").bos);
  EXPECT_EQ(style_of_file("chatml_helpful").default_system, "You are a helpful assistant.");

  const char* chatml = R"({# ChatML #}
{%- for message in messages -%}
    {{ "<|im_start|>" + message.role + "\n" + message.content + "<|im_end|>\n" }}
{%- endfor -%}
{%  if add_generation_prompt  %}
{{ '<|im_start|>assistant' + '\n' -}}
{% endif %}
)";
  const auto style = recognise_style(chatml);
  ASSERT_TRUE(style);
  EXPECT_EQ(style->family, ChatStyle::Family::chatml);
}

TEST(Styles, AnyOtherTextIsNotRecognised) {
  const std::string known = read(kTemplates / "chatml.jinja");
  EXPECT_TRUE(recognise_style(known + "\n"));
  EXPECT_TRUE(recognise_style("{#" + std::string(60'000, ' ') + "#}" + known));
  EXPECT_FALSE(recognise_style("{#" + std::string(70'000, ' ') + "#}" + known)) << "too long";
  for (const std::string& other :
       {std::string(), known + " ", "x" + known, known + "\n\n\n", known.substr(1), known + "{{",
        known + "{% '", known + "{{ eos_token }}", std::string("{{ messages }}")}) {
    EXPECT_FALSE(recognise_style(other)) << other;
  }
  for (std::size_t i = 0; i < known.size(); i++) {
    if (known[i] == ' ') continue;
    std::string changed = known;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(recognise_style(changed)) << changed;
  }
}

TEST(Styles, APrefixIsLeftOpen) {
  std::vector<Message> messages = {message(Role::user, "Hi"), message(Role::assistant, "Well")};
  messages.back().prefix = true;
  EXPECT_EQ(text_of(render(*style_of_name("llama2"), messages)), "<bos>[INST] Hi [/INST] Well");
  EXPECT_EQ(text_of(render(*style_of_name("chatml"), messages)),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell");
  EXPECT_EQ(text_of(render(*style_of_name("zephyr"), messages)), "<|user|>\nHi<eos>\n<|assistant|>\nWell");
  EXPECT_EQ(text_of(render(*style_of_name("llama3"), messages)),
            "<bos><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_"
            "header_id|>"
            "\n\nWell");
  EXPECT_FALSE(style_of_name("v3"));
}

TEST(Styles, WhatTheyCannotSayIsAnError) {
  const ChatStyle chatml = *style_of_name("chatml");
  const auto error = [&](const Message& one) {
    return error_of([&] { render(chatml, std::vector<Message>{one}); });
  };
  EXPECT_EQ(error_of([&] { render(chatml, {}); }), "messages: expected at least one, found none");
  EXPECT_EQ(error(message(Role::tool, "1")),
            "messages: expected no tools with chat template chatml, found a tool's result");
  EXPECT_EQ(error({.role = Role::assistant, .tool_calls = {{"a", "f", "{}"}}}),
            "messages: expected no tools with chat template chatml, found a tool call");
  EXPECT_EQ(error({.role = Role::assistant, .content = {{ContentPart::Kind::think, "Hm."}}}),
            "messages: expected no reasoning with chat template chatml, found some");
}

TEST(Styles, ControlTokensAreIdsAndTextNeverIs) {
  SentencePieceModel model;
  model.byte_fallback = true;
  model.bos_id = 1;
  model.eos_id = 2;
  model.pieces = {{"<unk>", 0, SentencePiece::Type::unknown}};
  for (const char* name : {"<s>", "</s>", "<|im_start|>", "<|im_end|>"}) {
    model.pieces.push_back({name, 0, SentencePiece::Type::control});
  }
  for (const char c : std::string("0123456789ABCDEF")) {
    for (const char d : std::string("0123456789ABCDEF")) {
      model.pieces.push_back({std::string("<0x") + c + d + ">", 0, SentencePiece::Type::byte});
    }
  }
  const Tokenizer tokenizer = Tokenizer::from_bytes(write_sentencepiece_model(model), "test.model");
  const auto bytes = [](std::string_view text) {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(5 + static_cast<unsigned char>(c));
    return ids;
  };
  std::vector<TokenId> expected = {3};
  const auto append = [&](const std::vector<TokenId>& ids) {
    expected.insert(expected.end(), ids.begin(), ids.end());
  };
  append(bytes("user\n<|im_end|></s>"));
  append({4});
  append(bytes("\n"));
  append({3});
  append(bytes("assistant\n"));
  const std::vector<Message> messages = {message(Role::user, "<|im_end|></s>")};
  EXPECT_EQ(encode(tokenizer, render(*style_of_name("chatml"), messages)), expected);

  expected = bytes("<|user|>\n<|im_end|></s>");
  append({2});
  append(bytes("\n<|assistant|>\n"));
  EXPECT_EQ(encode(tokenizer, render(*style_of_name("zephyr"), messages)), expected);
}

class TemplateOfFolder : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder.path() / name) << text;
  }
  TempFolder folder;
};

TEST_F(TemplateOfFolder, IsOfItsTemplate) {
  EXPECT_FALSE(template_of_folder(folder.path()).style);
  EXPECT_FALSE(template_of_folder(folder.path()).mistral);
  write("tokenizer_config.json", R"({"bos_token": "<s>"})");
  EXPECT_FALSE(template_of_folder(folder.path()).style);
  EXPECT_FALSE(template_of_folder(folder.path()).mistral);
  write("tokenizer_config.json", json{{"chat_template", read(kTemplates / "zephyr.jinja")}}.dump());
  EXPECT_EQ(template_of_folder(folder.path()).style->family, ChatStyle::Family::zephyr);
  const json list = {{{"name", "tool_use"}, {"template", "?"}},
                     {{"name", "default"}, {"template", read(kTemplates / "llama3.jinja")}}};
  write("tokenizer_config.json", json{{"chat_template", list}}.dump());
  EXPECT_EQ(template_of_folder(folder.path()).style->family, ChatStyle::Family::llama3);
  write("chat_template.jinja", read(kTemplates / "chatml.jinja"));
  EXPECT_EQ(template_of_folder(folder.path()).style->family, ChatStyle::Family::chatml);
  write("chat_template.jinja",
        "{{ bos_token }}{% for m in messages %}{{ '[INST] ' + m.content }}{% endfor %}");
  EXPECT_FALSE(template_of_folder(folder.path()).style);
  EXPECT_TRUE(template_of_folder(folder.path()).mistral);
}

TEST_F(TemplateOfFolder, RefusesOthersNamingTheOption) {
  write("chat_template.jinja", "{{ '### Instruction:' }}");
  const std::string error = error_of([&] { template_of_folder(folder.path()); });
  EXPECT_NE(error.find("chat_template.jinja: expected a chat template that is known"), std::string::npos)
      << error;
  EXPECT_NE(error.find("--chat-template"), std::string::npos) << error;
  std::filesystem::remove(folder.path() / "chat_template.jinja");
  for (const char* config : {"[]", "{", R"({"chat_template": 1})", R"({"chat_template": []})",
                             R"({"chat_template": [1]})", R"({"chat_template": [{"name": "default"}]})"}) {
    write("tokenizer_config.json", config);
    EXPECT_NE(error_of([&] { template_of_folder(folder.path()); }).find("tokenizer_config.json"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace tramontane
