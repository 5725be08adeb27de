#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <optional>

#include "cli/chat/infill.h"
#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/sampling_options.h"
#include "cli/terminal.h"
#include "cli/text_input.h"
#include "cli/values.h"
#include "core/fail.h"
#include "tramontane/generate.h"

namespace tramontane::cli {
namespace {

struct Options {
  ModelOptions model;
  std::string prompt = "In the beginning the Universe was created.";
  std::optional<std::string> prompt_file;
  std::optional<std::string> prompt_ids;  // comma-separated
  std::optional<std::string> suffix;
  int tokens_per_eval = 10;
  bool json = false;
  SamplingOptions sampling;
  GenerateOptions generate;

  std::vector<TokenId> prompt_tokens;  // from prompt_ids
  bool echo() const { return !json && !prompt_ids && !prompt_file && prompt != "-"; }
};

std::string prompt_text(const Options& options) {
  if (options.prompt_file) return without_final_newline(read_text(*options.prompt_file));
  if (options.prompt == "-") return without_final_newline(read_text("-"));
  return options.prompt;
}

std::vector<TokenId> encode_prompt(const Options& options, const std::string& text,
                                   const Tokenizer& tokenizer) {
  if (options.prompt_ids) return options.prompt_tokens;
  if (options.suffix) return encode_infill(text, *options.suffix, tokenizer);
  return tokenizer.encode(text);
}

std::string to_json(const Options& options, const std::vector<TokenId>& prompt,
                    const GenerateResult& result) {
  return json_line({
      {"model", options.model.folder.string()},
      {"prompt_tokens", prompt},
      {"tokens", result.tokens},
      {"text", result.text},
      {"finish_reason", name_of(result.finish_reason)},
      {"prompt_seconds", result.prompt_seconds},
      {"generation_seconds", result.generation_seconds},
      {"prompt_tokens_per_second", result.prompt_tokens_per_second()},
      {"generation_tokens_per_second", result.generation_tokens_per_second()},
  });
}

int exit_code(const GenerateResult& result) {
  return result.finish_reason == FinishReason::cancelled && interrupt_signal() != 0 ? 128 + interrupt_signal()
                                                                                    : 0;
}

int run_generate(Options& options) {
  const std::string text = options.prompt_ids ? "" : prompt_text(options);
  if (!options.prompt_ids && !options.suffix && text.empty()) {
    fail("prompt: expected some text, found none");
  }
  Model model = load(options.model);
  const std::vector<TokenId> prompt = encode_prompt(options, text, model.tokenizer());
  note("[INFO] Starting generation...\n");

  catch_interrupts();
  options.generate.engine.interrupt = &interrupt_flag();
  Output out;
  ProgressBar bar("Prompt");
  const bool in_pieces = static_cast<std::int64_t>(prompt.size()) > options.generate.engine.max_batch_rows;
  std::string pending;  // drawn, but not yet shown: --tokens-per-eval tokens appear together
  int drawn = 0;

  GenerateCallbacks callbacks;
  callbacks.on_prompt = [&](std::int64_t done, std::int64_t total) {
    if (in_pieces) bar.show(done, total);
    if (done < total) return;
    bar.clear();
    if (options.echo()) note(text);
  };
  callbacks.on_token = [&](TokenId, std::string_view piece) {
    if (options.json) return true;
    pending += piece;
    if (++drawn % options.tokens_per_eval != 0) return true;
    return out.write(std::exchange(pending, {}));
  };

  if (in_pieces) bar.show(0, static_cast<std::int64_t>(prompt.size()));
  const GenerateResult result = generate(model, prompt, options.generate, callbacks);
  bar.clear();
  out.write(options.json ? to_json(options, prompt, result) : pending + result.last_text + "\n");
  out.check();
  if (out.closed()) return 0;
  note("------\n");
  if (result.finish_reason == FinishReason::context) {
    note(fmt::format("[WARNING] The context is full after {} tokens (--ctx).\n",
                     prompt.size() + result.tokens.size()));
  }
  note(fmt::format("Tokens per second: prompt {:.3f}, generation {:.3f}\n", result.prompt_tokens_per_second(),
                   result.generation_tokens_per_second()));
  return exit_code(result);
}

}  // namespace

void add_generate(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command = *app.add_subcommand("generate", "Continue a prompt");
  o.model.add_folder_to(command);
  auto* prompt =
      command.add_option("--prompt", o.prompt, "The text to continue; -: read it from standard input")
          ->capture_default_str();
  auto* file = command
                   .add_option("--prompt-file", o.prompt_file,
                               "Read the prompt from a file (a final newline is left off)")
                   ->check(a_name());
  auto* ids = command.add_option("--prompt-tokens", o.prompt_ids, "The prompt as token ids, comma-separated");
  auto* suffix = command.add_option("--suffix", o.suffix,
                                    "Fill in what is missing between the prompt (here nothing unless given) "
                                    "and this text, with a model that "
                                    "can");
  prompt->excludes(file)->excludes(ids);
  file->excludes(ids);
  suffix->excludes(ids);
  command.add_option("-m,--max-tokens", o.generate.max_tokens, "Maximum number of tokens to generate")
      ->check(within(0, kMost))
      ->capture_default_str();
  command.add_option("--tokens-per-eval", o.tokens_per_eval, "How many tokens appear at a time")
      ->check(within(1, kMost))
      ->capture_default_str();
  command
      .add_option("--ctx", o.generate.engine.context,
                  "Most tokens of prompt and text together; 0: what the checkpoint declares, if it does")
      ->check(within(0, kMost))
      ->capture_default_str();
  command.add_flag("--ignore-eos", o.generate.ignore_eos, "Go on past the end-of-sequence token");
  command.add_flag("--json", o.json, "Print one JSON object at the end instead of text");
  o.sampling.add_to(command);
  o.model.add_to(command);

  command.callback([options, prompt, &run] {
    if (options->suffix && prompt->count() == 0) options->prompt.clear();
    if (options->prompt_ids) options->prompt_tokens = parse_tokens("--prompt-tokens", *options->prompt_ids);
    options->generate.sampling = options->sampling.options();
    run = [options] { return run_generate(*options); };
  });
}

}  // namespace tramontane::cli
