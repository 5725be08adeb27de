#pragma once
#include <CLI/App.hpp>
#include <filesystem>
#include <string>

#include "tramontane/model.h"
#include "tramontane/tokenizer.h"

namespace tramontane::cli {

/// The options of every command that loads a model.
struct ModelOptions {
  std::filesystem::path folder;  // empty: not given
  int threads = 0;
  bool pin_threads = false;
  std::string kv_dtype = "auto";
  int activation_bits = 16;
  double rope_theta = 0;
  int sliding_window = 0;
  CLI::Option* rope_theta_given = nullptr;
  CLI::Option* sliding_window_given = nullptr;

  /// Adds all but the folder, which some commands take as an argument. `this` must outlive the parsing.
  void add_to(CLI::App& command);
  /// --model-path, for commands that can do without one.
  void add_folder_to(CLI::App& command);
  LoadOptions load_options() const;
};

/// The folder of --model-path: that one if it exists; else, for OWNER/NAME or OWNER/NAME@REVISION, what
/// `pull` put into the hub's cache. Uses no network. Throws Error, with the command that fetches it, when it
/// was not pulled.
std::filesystem::path find_model(const std::filesystem::path& name);

/// Loads the model that was asked for and says on standard error which, with its warnings. Without a folder:
/// `mlx_model` in the current directory, as the original program does, else the demonstration model that
/// comes with Tramontane; `options.folder` is then that one.
Model load(ModelOptions& options);

/// Only the tokenizer of that model; the folder may also be a tokenizer's file itself.
Tokenizer load_tokenizer(ModelOptions& options);

}  // namespace tramontane::cli
