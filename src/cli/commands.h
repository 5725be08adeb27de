#pragma once
#include <CLI/App.hpp>
#include <functional>

namespace tramontane::cli {

/// What a subcommand does once its options are parsed; returns the exit code.
using Run = std::function<int()>;

/// Each adds a subcommand to `app`; when it is the one chosen, `run` is set.
void add_bench(CLI::App& app, Run& run);
void add_chat(CLI::App& app, Run& run);
void add_convert(CLI::App& app, Run& run);
void add_generate(CLI::App& app, Run& run);
void add_inspect(CLI::App& app, Run& run);
void add_perplexity(CLI::App& app, Run& run);
void add_pull(CLI::App& app, Run& run);
void add_tokenize(CLI::App& app, Run& run);

}  // namespace tramontane::cli
