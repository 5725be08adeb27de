#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <memory>
#include <optional>

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
  bool decode = false;
  bool no_bos = false;
  bool ids = false;
  bool json = false;
};

/// What either direction ends with.
struct Tokenized {
  std::string text;
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
  std::vector<TokenId> ids = options.no_bos ? tokenizer.encode_text(input) : tokenizer.encode(input);
  return {std::move(input), std::move(ids)};
}

std::string to_json(const Options& options, const Tokenizer& tokenizer, const Tokenized& result) {
  nlohmann::json pieces = nlohmann::json::array();
  for (const TokenId id : result.tokens) pieces.push_back(tokenizer.piece(id));
  return json_line({{"model", options.model.folder.string()},
                    {"text", result.text},
                    {"tokens", result.tokens},
                    {"pieces", std::move(pieces)}});
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
  if (options.decode) return result.text;
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

}  // namespace

void add_tokenize(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command = *app.add_subcommand("tokenize", "Show a text's tokens, or the text of tokens");
  command
      .add_option(
          "--model-path", o.model.folder,
          "A model's folder, of which only the tokenizer is read, or a tokenizer's file [as generate]")
      ->check(a_name());
  auto* text = command.add_option("--text", o.text, "The text");
  command
      .add_option("-f,--file", o.file,
                  "The file with the text, all of which counts, a final newline too; -: standard input")
      ->check(a_name())
      ->capture_default_str()
      ->excludes(text);
  auto* decode = command.add_flag("--decode", o.decode,
                                  "The input is token ids, with spaces or commas between: print their text");
  command.add_flag("--no-bos", o.no_bos, "Leave off the token that begins a text")->excludes(decode);
  auto* ids =
      command.add_flag("--ids", o.ids, "Print the ids in one line, as --decode reads them")->excludes(decode);
  command.add_flag("--json", o.json, "Print one JSON object: text, tokens and pieces")->excludes(ids);
  command.callback([options, &run] { run = [options] { return run_tokenize(*options); }; });
}

}  // namespace tramontane::cli
