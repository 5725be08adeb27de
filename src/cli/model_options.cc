#include "cli/model_options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/values.h"

namespace tramontane::cli {

void ModelOptions::add_to(CLI::App& command) {
  command.add_option("--threads", threads, "Threads to compute with; 0: the physical cores")
      ->check(within(0, 4096))
      ->capture_default_str();
  command.add_option("--kv-dtype", kv_dtype, "Element type of the KV cache")
      ->check(CLI::IsMember({"auto", "float16", "float32"}))
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
  if (kv_dtype == "float16") options.kv_dtype = DType::float16;
  if (kv_dtype == "float32") options.kv_dtype = DType::float32;
  if (rope_theta_given->count() > 0) options.rope_theta = rope_theta;
  if (sliding_window_given->count() > 0) options.sliding_window = sliding_window;
  return options;
}

}  // namespace tramontane::cli
