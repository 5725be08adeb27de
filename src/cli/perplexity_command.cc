#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "cli/text_input.h"
#include "cli/values.h"
#include "core/fail.h"
#include "tramontane/perplexity.h"

namespace tramontane::cli {
namespace {

struct Options {
  ModelOptions model;
  std::string file;
  PerplexityOptions windows;
  bool json = false;
};

std::string to_json(const Options& options, const PerplexityResult& r, std::int64_t bytes) {
  return json_line({
      {"model", options.model.folder.string()},
      {"file", options.file},
      {"window", options.windows.window},
      {"stride", options.windows.stride},
      {"windows", r.windows},
      {"tokens", r.tokens},
      {"bytes", bytes},
      {"nats", r.nats},
      {"perplexity", r.perplexity()},
      {"nats_per_token", r.nats_per_token()},
      {"nats_per_token_standard_error", r.standard_error()},
      {"bits_per_byte", r.bits_per_byte(bytes)},
      {"seconds", r.seconds},
  });
}

std::string to_text(const Options& options, const PerplexityResult& r, std::int64_t bytes) {
  return fmt::format(
      "tokens       {} ({} bytes), in {} windows of {} with {} new ones each\n"
      "perplexity   {:.4f} +- {:.4f} per token\n"
      "bits/byte    {:.4f} +- {:.4f}\n",
      r.tokens, bytes, r.windows, options.windows.window, options.windows.stride, r.perplexity(),
      r.perplexity() * r.standard_error(), r.bits_per_byte(bytes),
      r.bits_per_byte(bytes) * r.standard_error() / r.nats_per_token());
}

void warn_of_context(const Options& options, const Model& model) {
  const int declared = model.args().max_position;
  if (declared > 0 && options.windows.window > declared) {
    note(fmt::format("[WARNING] The model declares a context of {} tokens; --ctx is {}.\n", declared,
                     options.windows.window));
  }
}

int run_perplexity(Options& options) {
  const std::string text = read_text(options.file);
  if (text.empty()) fail("{}: expected some text, found none", options.file);
  Model model = load(options.model);
  warn_of_context(options, model);
  const std::vector<TokenId> tokens = model.tokenizer().encode(text);

  catch_interrupts();
  ProgressBar bar("Perplexity");
  bar.show(0, static_cast<std::int64_t>(tokens.size()));
  const PerplexityResult result =
      perplexity(model, tokens, options.windows, [&](const PerplexityResult& so_far, std::int64_t total) {
        bar.show(so_far.tokens, total, fmt::format("{:.3f} so far", so_far.perplexity()));
        return interrupt_signal() == 0 || so_far.tokens == total;
      });
  bar.clear();
  if (interrupt_signal() != 0) {
    note(fmt::format("[WARNING] Interrupted: perplexity {:.4f} over the first {} tokens.\n",
                     result.perplexity(), result.tokens));
    return 128 + interrupt_signal();
  }
  Output out;
  const auto bytes = static_cast<std::int64_t>(text.size());
  out.write(options.json ? to_json(options, result, bytes) : to_text(options, result, bytes));
  out.check();
  note(fmt::format("Tokens per second: {:.1f}\n", static_cast<double>(result.tokens) / result.seconds));
  return 0;
}

}  // namespace

void add_perplexity(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command = *app.add_subcommand("perplexity", "Measure how well a model predicts a text");
  o.model.add_folder_to(command);
  command.add_option("-f,--file", o.file, "The text, in UTF-8; -: read it from standard input")->required();
  command.add_option("--ctx", o.windows.window, "Tokens in a window, BOS included")
      ->check(within(2, kMost))
      ->capture_default_str();
  CLI::Option* stride = command
                            .add_option("--stride", o.windows.stride,
                                        "New tokens per window, the rest is context [half of --ctx]")
                            ->check(within(1, kMost));
  command.add_flag("--json", o.json, "Print one JSON object");
  o.model.add_to(command);
  command.callback([options, stride, &run] {
    if (stride->count() == 0) options->windows.stride = options->windows.window / 2;
    run = [options] { return run_perplexity(*options); };
  });
}

}  // namespace tramontane::cli
