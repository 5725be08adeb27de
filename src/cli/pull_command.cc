#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "core/fail.h"
#include "hub/pull.h"

namespace tramontane::cli {
namespace {

struct Options {
  std::string model;
  std::string revision;
  std::string folder;
  hub::PullOptions pull;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
};

std::string human(std::int64_t bytes) { return human_bytes(static_cast<double>(bytes)); }

/// "there", "1.2 GB of it there" or "to fetch"
std::string state_of(const hub::PlannedContent& planned) {
  if (planned.present) return "there";
  return planned.bytes_present > 0 ? human(planned.bytes_present) + " of it there" : "to fetch";
}

std::string list_of_files(const hub::PullPlan& plan) {
  std::string text;
  for (const hub::PlannedContent& planned : plan.contents) {
    for (const std::string& file : planned.files) {
      text +=
          fmt::format("{:>9}  {}  ({})\n", human(planned.content.size), one_line(file), state_of(planned));
    }
  }
  return text + fmt::format("{:>9}  of {} to fetch into {}\n", human(plan.missing_bytes()),
                            human(plan.total_bytes()), one_line(plan.folder.string()));
}

nlohmann::json describe(const hub::PullPlan& plan) {
  nlohmann::json files = nlohmann::json::array();
  for (const hub::PlannedContent& planned : plan.contents) {
    const bool sha256 = planned.content.kind == hub::DigestKind::sha256;
    for (const std::string& file : planned.files) {
      files.push_back({{"name", file},
                       {"bytes", planned.content.size},
                       {sha256 ? "sha256" : "git_sha1", planned.content.digest},
                       {"bytes_present", planned.bytes_present}});
    }
  }
  return {{"model", plan.remote.model.repo},
          {"revision", plan.remote.model.revision},
          {"commit", plan.commit},
          {"folder", plan.folder.string()},
          {"files", files},
          {"bytes", plan.total_bytes()},
          {"bytes_to_fetch", plan.missing_bytes()}};
}

void write_result(const Options& options, const hub::PullPlan& plan, double seconds) {
  Output out;
  if (options.json) {
    nlohmann::json json = describe(plan);
    if (!options.dry_run) json["seconds"] = seconds;
    out.write(json_line(json));
  } else {
    out.write(options.dry_run ? list_of_files(plan) : one_line(plan.folder.string()) + "\n");
  }
  out.check();
}

void announce(const hub::PullPlan& plan) {
  const std::int64_t present = plan.total_bytes() - plan.missing_bytes();
  note(fmt::format("[INFO] {} at {}: {}{}.\n", plan.remote.model.repo, plan.commit.substr(0, 12),
                   human(plan.total_bytes()),
                   present > 0 ? fmt::format(", {} of it there", human(present)) : ""));
}

int run_pull(const Options& options) {
  catch_interrupts();
  const hub::PullOptions& pull = options.pull;
  const bool quiet = options.quiet || options.dry_run || !pull.environment.progress;
  ProgressBar bar("Pulling", {.unit = ProgressUnit::bytes, .lines = true, .quiet = quiet});
  hub::PullCallbacks callbacks;
  callbacks.progress = [&](std::int64_t done, std::int64_t total) { bar.show(done, total); };
  callbacks.note = [&](const std::string& text) { bar.say(fmt::format("[WARNING] {}\n", one_line(text))); };
  callbacks.stop = [] { return interrupt_flag().load(); };
  try {
    const hub::PullPlan plan = hub::plan_pull(pull, callbacks);
    const auto start = std::chrono::steady_clock::now();
    if (!options.dry_run) {
      if (!options.quiet) announce(plan);
      hub::pull(plan, callbacks);
      bar.clear();
    }
    write_result(options, plan,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return 0;
  } catch (const hub::Stopped&) {
    bar.say("[WARNING] Interrupted. What has come is kept: the same command goes on from there.\n");
    return 128 + interrupt_signal();
  }
}

/// Throws CLI::ValidationError for names that cannot be on the hub.
void read_model(Options& options) {
  try {
    options.pull.model = hub::parse_model_name(options.model);
    if (!options.revision.empty()) {
      hub::check_revision(options.revision);
      options.pull.model.revision = options.revision;
    }
  } catch (const Error& error) {
    throw CLI::ValidationError("pull", error.what());
  }
}

}  // namespace

void add_pull(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command = *app.add_subcommand("pull", "Download a model from the Hugging Face hub");
  command.add_option("MODEL", o.model, "OWNER/NAME; --model-path OWNER/NAME then finds it")->required();
  command.add_option("--revision", o.revision, "A branch, tag or commit [main]")->check(a_name());
  CLI::Option* to =
      command.add_option("--to", o.folder, "Write plain files into this folder instead of the hub's cache")
          ->check(a_name());
  command.add_flag("--force", o.pull.force, "Replace other files of the same names there")->needs(to);
  command
      .add_option("--include", o.pull.patterns.include,
                  "Only files that match this pattern, instead of what a model needs; repeatable")
      ->check(a_name());
  command.add_option("--exclude", o.pull.patterns.exclude, "No files that match this pattern; repeatable")
      ->check(a_name());
  command.add_option("--jobs", o.pull.jobs, "Connections at once")
      ->check(within(1, 64))
      ->capture_default_str();
  command.add_option("--retries", o.pull.retry.retries, "Attempts after one that brought nothing")
      ->check(within(0, 1000))
      ->capture_default_str();
  command.add_flag("--dry-run", o.dry_run, "Only list the files and their sizes");
  command.add_flag("--json", o.json, "Print one JSON object");
  command.add_flag("--quiet", o.quiet, "No progress, only warnings and the folder");
  command.callback([options, &run] {
    read_model(*options);
    run = [options] {
      options->pull.environment = hub::read_environment(std::getenv);
      if (!options->folder.empty()) options->pull.folder = options->folder;
      return run_pull(*options);
    };
  });
}

}  // namespace tramontane::cli
