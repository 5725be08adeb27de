// tramontane-encode: texts to ids and back, line by line, for comparison with other programs (tests/oracle).
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <ctime>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/mapped_file.h"
#include "tramontane/tokenizer.h"

namespace tramontane {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestFile = 256 << 20;

Tokenizer read_tokenizer(const std::string& file) {
  return Tokenizer::from_bytes(read_text(file, kLargestFile), file);
}

std::string stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const TokenId id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

/// Each line is a text, or a list of ids to decode.
void encode_lines(const Tokenizer& tokenizer) {
  for (std::string line; std::getline(std::cin, line);) {
    const json input = json::parse(line);
    const auto ids = input.is_array() ? input.get<std::vector<TokenId>>()
                                      : tokenizer.encode_text(input.get_ref<const std::string&>());
    const std::string text = tokenizer.decode(ids);
    json output = {{"text", text}, {"streamed", stream(tokenizer, ids) == text}};
    if (!input.is_array()) output["ids"] = ids;
    fmt::print("{}\n", output.dump());
  }
}

/// Times the encoding of the texts of all lines.
void time_lines(const Tokenizer& tokenizer, int rounds) {
  std::vector<std::string> texts;
  for (std::string line; std::getline(std::cin, line);) texts.push_back(json::parse(line).get<std::string>());
  for (int round = 0; round < rounds; round++) {
    const std::clock_t start = std::clock();  // processor time, as other work may go on
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const std::string& text : texts) {
      bytes += text.size();
      count += tokenizer.encode_text(text).size();
    }
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    fmt::print("{}\n", json({{"bytes", bytes}, {"tokens", count}, {"seconds", seconds}}).dump());
  }
}

/// The pieces and what else the tokenizer knows of itself.
void describe(const Tokenizer& tokenizer) {
  std::vector<std::string> pieces;
  pieces.reserve(static_cast<std::size_t>(tokenizer.vocab_size()));
  for (TokenId id = 0; id < tokenizer.vocab_size(); id++) pieces.push_back(tokenizer.piece(id));
  const json output = {{"kind", tokenizer.kind()},
                       {"version", tokenizer.version()},
                       {"bos_id", tokenizer.bos_id()},
                       {"eos_id", tokenizer.eos_id()},
                       {"pieces", pieces}};
  fmt::print("{}\n", output.dump());
}

int parse_and_run(int argc, char** argv) {
  CLI::App app(
      "Texts to ids and back: each line of standard input is a JSON string, or a list of ids to decode");
  std::string file;
  int rounds = 0;
  bool about = false;
  app.add_option("FILE", file, "tekken.json or tokenizer.model")->required();
  app.add_option("--time", rounds, "Only time the encoding of all lines, so many times");
  app.add_flag("--describe", about, "Only say what the tokenizer is, with all pieces");
  CLI11_PARSE(app, argc, argv);
  const Tokenizer tokenizer = read_tokenizer(file);
  if (about) {
    describe(tokenizer);
  } else if (rounds > 0) {
    time_lines(tokenizer, rounds);
  } else {
    encode_lines(tokenizer);
  }
  return 0;
}

}  // namespace
}  // namespace tramontane

int main(int argc, char** argv) {
  try {
    return tramontane::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tramontane-encode: %s\n", error.what());
    return 1;
  }
}
