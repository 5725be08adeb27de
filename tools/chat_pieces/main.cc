// tramontane-chat-pieces: what the chat templates make of conversations, for the comparison with
// mistral-common (tests/oracle). Lines of standard input hold three fields, with tabs between them: a
// template's name, its model_settings_builder or nothing, and a conversation; or a name, "infill", and a list
// of prefix and suffix. Each becomes a line of JSON: {"pieces": [["control", "<s>"], ...]}, {"ids": [...]}
// with --tokenizer, or {"error": kind, "message": text}.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cstdio>
#include <exception>
#include <iostream>

#include "chat/json_value.h"
#include "tramontane/chat.h"

namespace {

using namespace tramontane;

constexpr std::array<const char*, 11> kKinds = {
    "format",       "unsupported",   "request", "structure",   "system_prompt", "assistant_message",
    "tool_message", "function_call", "tool",    "tool_schema", "not_encodable"};

std::string spelled(std::string_view text) { return write_json(json_string(text)); }

std::string ids_line(const std::vector<TokenId>& ids) {
  return fmt::format(R"({{"ids": [{}]}})", fmt::join(ids, ", "));
}

std::string answer(const std::string& line, const std::optional<Tokenizer>& tokenizer) {
  const std::size_t first = line.find('\t'), second = line.find('\t', first + 1);
  if (second == std::string::npos) throw Error("expected three fields");
  const std::string rules = line.substr(first + 1, second - first - 1), input = line.substr(second + 1);
  ChatTemplate chat = ChatTemplate::named(line.substr(0, first));
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
