// tramontane-chat-pieces: what the chat templates make of conversations, for the comparison with
// mistral-common (tests/oracle). Lines of standard input hold three fields, with tabs between them: a
// template's name, its model_settings_builder or nothing, and a conversation; or a name, "infill", and a list
// of prefix and suffix; or a name, "answer", and a list of the ids of an answer. Each becomes a line of JSON:
// {"pieces": [["control", "<s>"], ...]}, {"ids": [...]} with --tokenizer, {"content": [...], "calls": [...],
// "malformed": count} of an answer, or {"error": kind, "message": text}.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <charconv>
#include <cstdio>
#include <exception>
#include <iostream>
#include <utility>

#include "chat/json_value.h"
#include "tramontane/chat.h"
#include "tramontane/output_parser.h"

namespace {

using namespace tramontane;

constexpr std::array<const char*, 11> kKinds = {
    "format",       "unsupported",   "request", "structure",   "system_prompt", "assistant_message",
    "tool_message", "function_call", "tool",    "tool_schema", "not_encodable"};

std::string spelled(std::string_view text) { return write_json(json_string(text)); }

std::string ids_line(const std::vector<TokenId>& ids) {
  return fmt::format(R"({{"ids": [{}]}})", fmt::join(ids, ", "));
}

/// {"text": ...}, {"think": ..., "closed": ...}, and as lists of three the calls.
std::string message_line(const ParsedOutput& output) {
  std::vector<std::string> content, calls;
  for (const ContentPart& part : output.message.content) {
    content.push_back(part.kind == ContentPart::Kind::text
                          ? fmt::format(R"({{"text": {}}})", spelled(part.text))
                          : fmt::format(R"({{"think": {}, "closed": {}}})", spelled(part.text), part.closed));
  }
  for (const ToolCall& call : output.message.tool_calls) {
    calls.push_back(
        fmt::format("[{}, {}, {}]", spelled(call.id), spelled(call.name), spelled(call.arguments)));
  }
  return fmt::format(R"({{"content": [{}], "calls": [{}], "malformed": {}}})", fmt::join(content, ", "),
                     fmt::join(calls, ", "), output.malformed);
}

/// Parses the answer, and checks that what came in deltas is the message.
std::string parsed(const JsonValue& ids, const Tokenizer& tokenizer) {
  OutputParser parser(tokenizer);
  std::array<std::string, 2> streamed, whole;  // content and reasoning
  std::size_t calls = 0;
  const auto add = [&](const std::vector<OutputDelta>& deltas) {
    for (const OutputDelta& delta : deltas) {
      if (delta.kind == OutputDelta::Kind::tool_call) {
        calls++;
      } else {
        streamed[delta.kind == OutputDelta::Kind::content ? 0 : 1] += delta.text;
      }
    }
  };
  for (const JsonValue& value : ids.values) {
    TokenId id = -1;
    std::from_chars(value.text.data(), value.text.data() + value.text.size(), id);
    add(parser.push(id));
  }
  add(parser.finish());
  const ParsedOutput& output = parser.output();
  for (const ContentPart& part : output.message.content) {
    whole[part.kind == ContentPart::Kind::text ? 0 : 1] += part.text;
  }
  if (streamed != whole || calls != output.message.tool_calls.size()) throw Error("answer: deltas differ");
  return message_line(output);
}

std::string answer(const std::string& line, const std::optional<Tokenizer>& tokenizer) {
  const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
  if (second == std::string::npos) throw Error("expected three fields");
  const std::string rules = line.substr(first + 1, second - first - 1), input = line.substr(second + 1);
  ChatTemplate chat = ChatTemplate::named(line.substr(0, first));
  if (rules == "answer") {
    const std::optional<JsonValue> ids = read_json(input);
    if (!ids || !tokenizer) throw Error("answer: expected a list of ids, and --tokenizer");
    return parsed(*ids, *tokenizer);
  }
  if (rules == "infill") {
    const std::optional<JsonValue> texts = read_json(input);
    if (!texts || texts->values.size() != 2 || !tokenizer)
      throw Error("infill: expected two texts, and --tokenizer");
    return ids_line(chat.encode_infill(texts->values[0].text, texts->values[1].text, *tokenizer));
  }
  if (tokenizer) chat = chat.with_settings_of(*tokenizer);
  if (!rules.empty()) chat = ChatTemplate(chat.version(), read_settings_rules(rules));
  const Conversation conversation = read_conversation(input);
  if (tokenizer) return ids_line(chat.encode(conversation, *tokenizer));
  std::string out;
  for (const PromptPiece& piece : chat.pieces(conversation)) {
    const char* kind = piece.kind == PromptPiece::Kind::control ? "control" : "text";
    out += fmt::format(R"({}["{}", {}])", out.empty() ? "" : ", ", kind, spelled(piece.text));
  }
  return fmt::format(R"({{"pieces": [{}]}})", out);
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Chat templates over lines of standard input.", "tramontane-chat-pieces");
  std::string folder;
  app.add_option("--tokenizer", folder, "The folder of a tokenizer: print ids");
  CLI11_PARSE(app, argc, argv);
  std::optional<Tokenizer> tokenizer;
  if (!folder.empty()) tokenizer = Tokenizer::load(folder);
  for (std::string line; std::getline(std::cin, line);) {
    try {
      fmt::print("{}\n", answer(line, tokenizer));
    } catch (const ChatError& error) {
      fmt::print("{{\"error\": \"{}\", \"message\": {}}}\n", kKinds[static_cast<std::size_t>(error.kind())],
                 spelled(error.what()));
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tramontane-chat-pieces: %s\n", error.what());
    return 1;
  }
}
