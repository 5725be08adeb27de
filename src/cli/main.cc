#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <exception>
#include <new>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "core/fail.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

void complain(std::string_view problem) {
  tramontane::cli::note("tramontane: " + tramontane::one_line(problem) + "\n");
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Runs Mistral models from the checkpoint folders people already have.", "tramontane");
  app.set_version_flag("--version", TRAMONTANE_VERSION);
  app.require_subcommand(1);
  tramontane::cli::Run run;
  tramontane::cli::add_generate(app, run);
  tramontane::cli::add_chat(app, run);
  tramontane::cli::add_inspect(app, run);
  tramontane::cli::add_perplexity(app, run);
  tramontane::cli::add_convert(app, run);
  tramontane::cli::add_bench(app, run);
  tramontane::cli::add_pull(app, run);
  tramontane::cli::add_tokenize(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    complain(fmt::format("{} (see --help)", error.what()));
    return kUsage;
  }
  return run();
}

}  // namespace

int main(int argc, char** argv) {
  tramontane::cli::hold_standard_streams();
  tramontane::cli::ignore_closed_pipes();
  try {
    return parse_and_run(argc, argv);
  } catch (const std::bad_alloc&) {
    complain("not enough memory");
  } catch (const std::exception& error) {
    complain(error.what());
  }
  return kFailed;
}
