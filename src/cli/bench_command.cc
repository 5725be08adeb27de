#include <fmt/format.h>
#include <unistd.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "bench/report.h"
#include "bench/shapes.h"
#include "bench/synthetic.h"
#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "core/fail.h"
#include "core/thread_pool.h"

namespace tramontane::cli {
namespace {

constexpr double kMostTokens = 1 << 24;

struct Options {
  std::string folder;
  std::string synthetic;
  QuantSpec quant = {.bits = 4, .group_size = 64};
  std::string mode;
  std::string dtype;
  std::string kv_dtype = "auto";
  int layers = 0;
  std::optional<int> sliding_window;
  bench::Plan plan;
  bool json = false;
};

const bench::NamedShape& shape_of(const std::string& name) {
  const auto shapes = bench::named_shapes();
  return *std::find_if(shapes.begin(), shapes.end(), [&](const auto& shape) { return shape.name == name; });
}

DType dtype_of(const std::string& name) {
  for (const DType dtype : {DType::float32, DType::bfloat16, DType::int8}) {
    if (name == name_of(dtype)) return dtype;
  }
  return DType::float16;
}

bench::BenchModel make_synthetic(const Options& options) {
  ModelArgs args = shape_of(options.synthetic).args;
  const int whole_layers = args.n_layers;
  if (options.layers > whole_layers) {
    fail("layers: expected 1 to the {} of {}, found {}", whole_layers, options.synthetic, options.layers);
  }
  if (options.layers > 0) args.n_layers = options.layers;
  args.sliding_window.resize(static_cast<std::size_t>(args.n_layers));
  if (options.sliding_window)
    std::fill(args.sliding_window.begin(), args.sliding_window.end(), *options.sliding_window);
  bench::SyntheticFormat format;
  format.quant = options.dtype.empty() ? options.quant : QuantSpec{};
  for (const QuantMode mode : kQuantModes) {
    if (options.mode == name_of(mode)) format.quant = usual_spec(mode);
  }
  format.dtype = dtype_of(options.dtype);
  const int threads = *std::max_element(options.plan.threads.begin(), options.plan.threads.end());
  bench::BenchModel model = bench::synthesize(options.synthetic, args, format, threads, &interrupt_flag());
  model.whole_layers = whole_layers;
  return model;
}

bench::BenchModel make_model(const Options& options) {
  if (!options.synthetic.empty()) {
    note(fmt::format("[INFO] Making a synthetic {} model.\n", options.synthetic));
    return make_synthetic(options);
  }
  const std::filesystem::path folder = find_model(options.folder);
  note(fmt::format("[INFO] Loading model from {}.\n", one_line(folder.string())));
  bench::BenchModel model = bench::open_model(folder, options.sliding_window);
  if (options.layers > 0) bench::cut_layers(model, options.layers);
  return model;
}

std::string describe(const bench::TestCase& test) {
  return fmt::format("{} of {} tokens, depth {}, batch {}, {} threads, precision {}", name_of(test.phase),
                     test.tokens, test.depth, test.batch, test.threads, test.precision);
}

/// Rounds as lines, and in a terminal the running test below them.
class RoundProgress {
 public:
  explicit RoundProgress(int rounds) : rounds_(rounds) {}
  void show(int round, const bench::TestCase& next) {
    clear();
    if (round != round_) note(fmt::format("[INFO] Round {} of {}.\n", round + 1, rounds_));
    round_ = round;
    if (terminal_) note(describe(next));
  }
  void clear() const {
    if (terminal_) note("\r\x1b[K");
  }

 private:
  int rounds_;
  int round_ = -1;
  bool terminal_ = isatty(STDERR_FILENO) == 1;
};

int run_bench(Options& options) {
  catch_interrupts();
  for (int& threads : options.plan.threads) threads = threads == 0 ? default_thread_count() : threads;
  if (options.kv_dtype != "auto") options.plan.kv_dtype = dtype_of(options.kv_dtype);
  const Kernels& kernels = choose_kernels();  // first: it fails where TRAMONTANE_ISA asks for too much
  const bench::BenchModel model = make_model(options);
  RoundProgress progress(options.plan.repeat);
  std::optional<bench::Report> report;
  if (interrupt_signal() == 0) {  // else the synthetic weights are not all there
    report = bench::run(
        model, options.plan, kernels,
        [&](int round, const bench::TestCase& next) { progress.show(round, next); }, interrupt_flag());
  }
  progress.clear();
  if (!report) {
    note("[WARNING] Interrupted.\n");
    return 128 + interrupt_signal();
  }
  Output out;
  out.write(options.json ? json_line(to_json(model, *report)) : to_text(model, *report));
  out.check();
  return 0;
}

void add_model_options(CLI::App& command, Options& o) {
  std::vector<std::string> names;
  std::string help =
      "Random weights in memory instead of a checkpoint, in huge pages where the system gives them";
  for (const auto& shape : bench::named_shapes()) {
    names.emplace_back(shape.name);
    help += fmt::format("; {}: {}", shape.name, shape.description);
  }
  CLI::Option_group& model = *command.add_option_group("model");
  model.add_option("--model-path", o.folder, "The folder with the model's weights; needs no tokenizer");
  CLI::Option* synthetic = model.add_option("--synthetic", o.synthetic, help)->check(CLI::IsMember(names));
  model.require_option(1);
  CLI::Option* bits = command.add_option("--bits", o.quant.bits, "Bits of the synthetic weights")
                          ->check(CLI::IsMember({2, 3, 4, 5, 6, 8}))
                          ->capture_default_str()
                          ->needs(synthetic);
  CLI::Option* group =
      command.add_option("--group-size", o.quant.group_size, "Synthetic weights that share a scale")
          ->check(CLI::IsMember({32, 64, 128}))
          ->capture_default_str()
          ->needs(synthetic);
  CLI::Option* mode =
      command.add_option("--mode", o.mode, "Synthetic weights in MLX's modes of small floats")
          ->check(CLI::IsMember({"mxfp4", "mxfp8", "nvfp4"}))
          ->needs(synthetic)
          ->excludes(bits)
          ->excludes(group);
  command.add_option("--dtype", o.dtype, "Synthetic weights that are not quantised")
      ->check(CLI::IsMember({"float16", "bfloat16", "float32"}))
      ->needs(synthetic)
      ->excludes(bits)
      ->excludes(group)
      ->excludes(mode);
  command.add_option("--layers", o.layers, "Keep only the first layers; rates are then of the smaller model")
      ->check(within(1, kMost));
  command
      .add_option("--sliding-window", o.sliding_window,
                  "Use this attention window, in tokens, instead of the model's; 0 turns it off")
      ->check(within(0, kMost));
  command
      .add_option("--kv-dtype", o.kv_dtype,
                  "Element type of the KV cache; int8: half of the memory, less exact")
      ->check(CLI::IsMember({"auto", "float16", "float32", "int8"}))
      ->capture_default_str();
}

/// "--name 1,2,8"
template <class T>
void add_list(CLI::App& command, const char* name, std::vector<T>& values, const char* help,
              CLI::Validator check) {
  command.add_option(name, values, help)->delimiter(',')->check(std::move(check))->capture_default_str();
}

void add_plan_options(CLI::App& command, bench::Plan& plan) {
  add_list(command, "--prompt", plan.prompts, "Lengths of prompts, in tokens; 0: none",
           within(0, kMostTokens));
  command.add_option("--decode", plan.decode_steps, "Tokens to decode per sequence; 0: none")
      ->check(within(0, kMostTokens))
      ->capture_default_str();
  add_list(
      command, "--depth", plan.depths,
      "Tokens in the KV cache when decoding starts; filled with random keys and values, not by the model",
      within(0, kMostTokens));
  add_list(command, "--batch", plan.batches, "Sequences decoded at once", within(1, 4096));
  add_list(command, "--threads", plan.threads, "Threads to compute with; 0: the physical cores",
           within(0, 4096));
  add_list(command, "--precision", plan.precisions,
           "Bits of the activations in quantised products; 32: products in float32",
           CLI::IsMember({8, 16, 32}));
  command.add_option("--repeat", plan.repeat, "Rounds, each with every test; medians are over these")
      ->check(within(1, 10000))
      ->capture_default_str();
  command.add_option("--chunk", plan.chunk, "Tokens of a prompt in one forward pass")
      ->check(within(1, 65536))
      ->capture_default_str();
}

}  // namespace

void add_bench(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  options->plan.threads = {0};
  CLI::App& command =
      *app.add_subcommand("bench", "Measure prompt and decode rates, and what this machine could do at most");
  add_model_options(command, *options);
  add_plan_options(command, options->plan);
  command.add_flag("--json", options->json, "Print one JSON object");
  command.callback([options, &run] {
    std::erase(options->plan.prompts, 0);
    if (options->plan.prompts.empty() && options->plan.decode_steps == 0)
      throw CLI::ValidationError("--prompt", "expected a prompt or --decode, found neither");
    run = [options] { return run_bench(*options); };
  });
}

}  // namespace tramontane::cli
