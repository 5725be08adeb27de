#include "cli/model_options.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <system_error>

#include "cli/terminal.h"
#include "cli/values.h"
#include "core/fail.h"
#include "core/mapped_file.h"
#include "hub/cache.h"
#include "hub/environment.h"

namespace tramontane::cli {
namespace {

const char* const kDefaultFolder = "mlx_model";
constexpr std::size_t kLargestTokenizerFile = 64 << 20;  // bytes; Mistral's have up to 20 MB

/// Beside an installed program its data directory, beside a built one a link to the source's.
std::filesystem::path demonstration_model() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (error) return {};
  for (const char* place : {TRAMONTANE_DATA_FROM_PROGRAM "/models/genesis", "models/genesis"}) {
    const auto folder = (program / place).lexically_normal();
    if (std::filesystem::is_directory(folder, error)) return folder;
  }
  return {};
}

std::filesystem::path default_folder() {
  std::error_code error;
  if (std::filesystem::is_directory(kDefaultFolder, error)) return kDefaultFolder;
  const auto demonstration = demonstration_model();
  if (demonstration.empty()) {
    fail("expected --model-path, or a folder {} in the current directory, found neither", kDefaultFolder);
  }
  note(fmt::format("[INFO] No --model-path, and no folder {} here: taking the demonstration model.\n",
                   kDefaultFolder));
  return demonstration;
}

}  // namespace

void ModelOptions::add_folder_to(CLI::App& command) {
  command
      .add_option(
          "--model-path", folder,
          fmt::format(
              "The folder with the model's weights and tokenizer [{}, else a small demonstration model]",
              kDefaultFolder))
      ->check(a_name());
}

std::filesystem::path find_model(const std::filesystem::path& name) {
  std::error_code error;
  if (std::filesystem::exists(name, error)) return name;
  const auto model = hub::try_parse_model_name(name.string());
  if (!model) return name;  // for the loader's message
  const std::filesystem::path cache = hub::cache_folder(std::getenv);
  if (auto folder = hub::Cache(cache).find(*model)) return *folder;
  fail("{}: no such folder, and no such model in {}: tramontane pull {}", name.string(), cache.string(),
       name.string());
}

Tokenizer load_tokenizer(ModelOptions& options) {
  options.folder = options.folder.empty() ? default_folder() : find_model(options.folder);
  std::error_code error;
  if (!std::filesystem::is_regular_file(options.folder, error)) {
    Tokenizer tokenizer = Tokenizer::load(options.folder);
    for (const auto& line : tokenizer.disagreements(options.folder))
      note(fmt::format("[WARNING] {}\n", line));
    return tokenizer;
  }
  return Tokenizer::from_bytes(read_text(options.folder, kLargestTokenizerFile), options.folder.string());
}

Model load(ModelOptions& options) {
  options.folder = options.folder.empty() ? default_folder() : find_model(options.folder);
  note(fmt::format("[INFO] Loading model from {}.\n", one_line(options.folder.string())));
  Model model = load_model(options.folder, options.load_options());
  for (const auto& warning : model.warnings()) note(fmt::format("[WARNING] {}\n", one_line(warning)));
  return model;
}

void ModelOptions::add_to(CLI::App& command) {
  command.add_option("--threads", threads, "Threads to compute with; 0: the physical cores")
      ->check(within(0, 4096))
      ->capture_default_str();
  command.add_flag("--pin-threads", pin_threads, "Keep each thread on a core of its own");
  command
      .add_option("--kv-dtype", kv_dtype,
                  "Element type of the KV cache; int8: half of the memory, less exact")
      ->check(CLI::IsMember({"auto", "float16", "float32", "int8"}))
      ->capture_default_str();
  command
      .add_option("--activation-bits", activation_bits,
                  "Precision of products with quantised weights, where the CPU has integer products; 8: "
                  "faster prompts "
                  "and batches, less exact")
      ->check(CLI::IsMember({8, 16, 32}))
      ->capture_default_str();
  rope_theta_given =
      command.add_option("--rope-theta", rope_theta, "Use this RoPE base instead of the checkpoint's")
          ->check(within(1.001, 1e15));
  sliding_window_given =
      command
          .add_option("--sliding-window", sliding_window,
                      "Use this attention window, in tokens, instead of the checkpoint's; 0 turns it off")
          ->check(within(0, kMost));
}

LoadOptions ModelOptions::load_options() const {
  LoadOptions options;
  options.threads = threads;
  options.pin_threads = pin_threads;
  options.activation_bits = activation_bits;
  if (kv_dtype == "float16") options.kv_dtype = DType::float16;
  if (kv_dtype == "float32") options.kv_dtype = DType::float32;
  if (kv_dtype == "int8") options.kv_dtype = DType::int8;
  if (rope_theta_given->count() > 0) options.rope_theta = rope_theta;
  if (sliding_window_given->count() > 0) options.sliding_window = sliding_window;
  return options;
}

}  // namespace tramontane::cli
