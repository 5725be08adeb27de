#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <memory>
#include <optional>

#include "cli/chat/infill.h"
#include "cli/chat/prompt_format.h"
#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "cli/text_input.h"
#include "cli/values.h"
#include "core/fail.h"

namespace tramontane::cli {
namespace {

struct Options {
  ModelOptions model;
  std::optional<std::string> text;
  std::string file = "-";
  std::optional<std::string> suffix;
  std::string chat_template;  // empty: the one of the model
  bool chat = false;
  bool decode = false;
  bool no_bos = false;
  bool ids = false;
  bool json = false;
};

/// What either direction ends with.
struct Tokenized {
  std::optional<std::string> text;  // none: the tokens are a prompt, made of more than text
  std::vector<TokenId> tokens;
};

/// Ids with white space or commas between, perhaps in brackets: what --ids and JSON print.
std::vector<TokenId> parse_ids(std::string_view text) {
  constexpr std::string_view kBetween = " \t\r\n,[]";
  std::vector<TokenId> ids;
  for (std::size_t begin; (begin = text.find_first_not_of(kBetween)) != std::string_view::npos;) {
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(kBetween));
    TokenId id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc{} || end != word.data() + word.size()) {
      fail("tokens: expected ids with spaces or commas between, found {}", printable(word));
    }
    ids.push_back(id);
    text.remove_prefix(word.size());
  }
  return ids;
}

/// decode() keeps the space that SentencePiece puts before a text where BOS does not say that one starts.
std::string decode_text(const Tokenizer& tokenizer, std::vector<TokenId> ids) {
  if (tokenizer.bos_id() >= 0) ids.insert(ids.begin(), tokenizer.bos_id());
  return tokenizer.decode(ids);
}

Tokenized tokenize(const Options& options, const Tokenizer& tokenizer) {
  std::string input = options.text ? *options.text : read_text(options.file);
  if (options.decode) {
    std::vector<TokenId> ids = parse_ids(input);
    std::string text = decode_text(tokenizer, ids);
    return {std::move(text), std::move(ids)};
  }
  if (options.chat) {
    const PromptFormat format = prompt_format(options.model.folder, tokenizer, options.chat_template);
    return {std::nullopt, format.encode(read_conversation(input))};
  }
  if (options.suffix) return {std::nullopt, encode_infill(input, *options.suffix, tokenizer)};
  std::vector<TokenId> ids = options.no_bos ? tokenizer.encode_text(input) : tokenizer.encode(input);
  return {std::move(input), std::move(ids)};
}

std::string to_json(const Options& options, const Tokenizer& tokenizer, const Tokenized& result) {
  nlohmann::json pieces = nlohmann::json::array();
  for (const TokenId id : result.tokens) pieces.push_back(tokenizer.piece(id));
  nlohmann::json json = {
      {"model", options.model.folder.string()}, {"tokens", result.tokens}, {"pieces", std::move(pieces)}};
  if (result.text) json["text"] = *result.text;
  return json_line(json);
}

/// A line for each token: its id and its piece.
std::string to_table(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens) {
  std::string table;
  for (const TokenId id : tokens) {
    fmt::format_to(std::back_inserter(table), "{}\t{}\n", id, one_line(tokenizer.piece(id)));
  }
  return table;
}

std::string to_text(const Options& options, const Tokenizer& tokenizer, const Tokenized& result) {
  if (options.json) return to_json(options, tokenizer, result);
  if (options.decode) return result.text.value_or("");
  if (options.ids) return fmt::format("{}\n", fmt::join(result.tokens, " "));
  return to_table(tokenizer, result.tokens);
}

int run_tokenize(Options& options) {
  const Tokenizer tokenizer = load_tokenizer(options.model);
  const Tokenized result = tokenize(options, tokenizer);
  Output out;
  out.write(to_text(options, tokenizer, result));
  out.check();
  return 0;
}

/// Where the input comes from, and what it is: a text, a conversation, or ids.
void add_input_to(CLI::App& command, Options& o) {
  auto* text = command.add_option("--text", o.text, "The text, instead of a file's");
  command
      .add_option("-f,--file", o.file,
                  "The file with the text in UTF-8, all of which counts, a final newline too; -: standard "
                  "input")
      ->check(a_name())
      ->capture_default_str()
      ->excludes(text);
  auto* chat = command.add_flag(
      "--chat", o.chat,
      "The input is a conversation as JSON in OpenAI's format, a list of messages or an object with messages "
      "and perhaps tools: make the model's prompt of it");
  command
      .add_option("--chat-template", o.chat_template,
                  "How the conversation is written, instead of as the model's files say")
      ->check(CLI::IsMember(chat_template_names()))
      ->needs(chat);
  auto* suffix = command.add_option(
      "--suffix", o.suffix, "Make the prompt for what is missing between the text and this one, as generate");
  auto* decode = command.add_flag("--decode", o.decode,
                                  "The input is token ids, with spaces or commas between: print their text");
  auto* no_bos = command.add_flag("--no-bos", o.no_bos, "Leave off the token that begins a text");
  decode->excludes(no_bos)->excludes(chat)->excludes(suffix);
  suffix->excludes(no_bos)->excludes(chat);
  chat->excludes(no_bos);
}

void add_output_to(CLI::App& command, Options& o) {
  auto* ids = command.add_flag("--ids", o.ids, "Print the ids in one line, as --decode reads them");
  command
      .add_flag("--json", o.json,
                "Print one JSON object: tokens and pieces, and the text unless the input is a conversation "
                "or has a --suffix")
      ->excludes(ids);
  ids->excludes(command.get_option("--decode"));
}

}  // namespace

void add_tokenize(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command =
      *app.add_subcommand("tokenize", "Show the tokens of a text or conversation, or the text of tokens");
  command
      .add_option(
          "--model-path", o.model.folder,
          "A model's folder, of which only the tokenizer is read, or a tokenizer's file [as generate]")
      ->check(a_name());
  add_input_to(command, o);
  add_output_to(command, o);
  command.callback([options, &run] { run = [options] { return run_tokenize(*options); }; });
}

}  // namespace tramontane::cli
