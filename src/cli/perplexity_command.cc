#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cmath>
#include <memory>
#include <optional>

#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/progress.h"
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
  std::string reference;
  PerplexityOptions windows;
  bool json = false;
};

/// The tokens' means, for people.
std::string comparison(const PerplexityResult& r) {
  const auto tokens = static_cast<double>(r.tokens);
  return fmt::format(
      "reference    perplexity {:.4f}, divergence {:.3e} nats per token, the same likeliest token {:.2f}% of "
      "the time\n",
      std::exp(r.reference_nats / tokens), r.divergence / tokens,
      100 * static_cast<double>(r.same_best) / tokens);
}

std::string to_json(const Options& options, const PerplexityResult& r, std::int64_t bytes) {
  nlohmann::json json = {
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
  };
  if (!options.reference.empty()) {
    const auto tokens = static_cast<double>(r.tokens);
    json["reference"] = {{"model", options.reference},
                         {"nats_per_token", r.reference_nats / tokens},
                         {"divergence_per_token", r.divergence / tokens},
                         {"same_best", static_cast<double>(r.same_best) / tokens}};
  }
  return json_line(json);
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
  std::optional<Model> reference;
  if (!options.reference.empty()) {
    LoadOptions exact = options.model.load_options();
    exact.activation_bits = 32;
    exact.kv_dtype = DType::float32;
    reference = load_model(find_model(options.reference), exact);
    options.windows.reference = &*reference;
  }
  const std::vector<TokenId> tokens = model.tokenizer().encode(text);

  catch_interrupts();
  ProgressBar bar("Perplexity");
  bar.show(0, static_cast<std::int64_t>(tokens.size()));
  options.windows.interrupt = &interrupt_flag();
  std::int64_t total_tokens = -1;
  const PerplexityResult result =
      perplexity(model, tokens, options.windows, [&](const PerplexityResult& so_far, std::int64_t total) {
        bar.show(so_far.tokens, total, fmt::format("{:.3f} so far", so_far.perplexity()));
        total_tokens = total;
        return true;
      });
  bar.clear();
  if (result.tokens != total_tokens) {  // interrupted
    note(result.tokens == 0
             ? "[WARNING] Interrupted in the first window.\n"
             : fmt::format("[WARNING] Interrupted: perplexity {:.4f} over the first {} tokens.\n",
                           result.perplexity(), result.tokens));
    return 128 + interrupt_signal();
  }
  Output out;
  const auto bytes = static_cast<std::int64_t>(text.size());
  out.write(options.json ? to_json(options, result, bytes) : to_text(options, result, bytes));
  if (reference && !options.json) out.write(comparison(result));
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
  command.add_option("-f,--file", o.file, "The text, in UTF-8; -: read it from standard input")
      ->required()
      ->check(a_name());
  command.add_option("--ctx", o.windows.window, "Tokens in a window, BOS included")
      ->check(within(2, kMost))
      ->capture_default_str();
  CLI::Option* stride = command
                            .add_option("--stride", o.windows.stride,
                                        "New tokens per window, the rest is context [half of --ctx]")
                            ->check(within(1, kMost));
  command
      .add_option("--reference", o.reference,
                  "Also compare the predictions with those of the model in this folder, run with float32 "
                  "products and cache")
      ->check(a_name());
  command.add_flag("--json", o.json, "Print one JSON object");
  o.model.add_to(command);
  command.callback([options, stride, &run] {
    if (stride->count() == 0) options->windows.stride = options->windows.window / 2;
    run = [options] { return run_perplexity(*options); };
  });
}

}  // namespace tramontane::cli
