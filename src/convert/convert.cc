#include "tramontane/convert.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>

#include "convert/array_writer.h"
#include "convert/module_writer.h"
#include "convert/plan.h"
#include "convert/source.h"
#include "convert/target_config.h"
#include "convert/target_file.h"
#include "convert/target_folder.h"
#include "core/fail.h"
#include "core/thread_pool.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

// Large enough for a good rate of reading and writing, small enough for a thread's cache.
constexpr std::int64_t kPieceElements = 256 << 10;

struct Piece {
  std::size_t module = 0;
  std::int64_t begin = 0, end = 0;  // rows
};

/// Modules cut into pieces, and what all threads know of their progress.
class Conversion {
 public:
  Conversion(const Plan& plan, const ConvertOptions& options,
             const std::function<void(const ConvertProgress&)>& progress)
      : plan_(plan), options_(options), report_(progress), overflows_(plan.modules.size()) {
    std::size_t arrays = 0;
    for (std::size_t i = 0; i < plan.modules.size(); ++i) {
      const PlannedModule& module = plan.modules[i];
      const std::int64_t rows = module.rows->rows();
      const std::int64_t step = std::max<std::int64_t>(1, kPieceElements / module.rows->cols());
      for (std::int64_t row = 0; row < rows; row += step)
        pieces_.push_back({i, row, std::min(rows, row + step)});
      first_arrays_.push_back(arrays);
      arrays += module.arrays.size();
      progress_.bytes_total += module.bytes();
    }
  }

  /// False: interrupted.
  bool run(ArrayWriter& writer, ThreadPool& pool) {
    std::vector<PieceScratch> scratch(static_cast<std::size_t>(pool.size()));
    pool.for_each(static_cast<std::int64_t>(pieces_.size()), [&](std::int64_t item, int thread) {
      if (stopped()) return;
      try {
        write(pieces_[static_cast<std::size_t>(item)], writer, scratch[static_cast<std::size_t>(thread)]);
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
        failed_ = true;
      }
    });
    if (error_) std::rethrow_exception(error_);
    return !interrupted();
  }

  void add_warnings(std::vector<std::string>& warnings) const {
    for (std::size_t i = 0; i < overflows_.size(); ++i) {
      if (overflows_[i] == 0) continue;
      const PlannedModule& module = plan_.modules[i];
      warnings.push_back(
          fmt::format("{}: {} values are too large for {} and became infinite (choose --dtype "
                      "bfloat16 or float32)",
                      module.rows->label(), overflows_[i].load(), name_of(module.dtype)));
    }
  }

 private:
  bool interrupted() const { return options_.interrupt != nullptr && *options_.interrupt; }
  bool stopped() const { return failed_ || interrupted(); }

  void write(const Piece& piece, ArrayWriter& writer, PieceScratch& scratch) {
    const PlannedModule& module = plan_.modules[piece.module];
    overflows_[piece.module] +=
        write_rows(module, piece.begin, piece.end, first_arrays_[piece.module], writer, scratch);
    const std::lock_guard lock(mutex_);
    progress_.bytes_done += module.bytes() / module.rows->rows() * (piece.end - piece.begin);
    if (report_) report_(progress_);
  }

  const Plan& plan_;
  const ConvertOptions& options_;
  const std::function<void(const ConvertProgress&)>& report_;
  std::vector<Piece> pieces_;
  std::vector<std::size_t> first_arrays_;            // of the modules
  std::vector<std::atomic<std::size_t>> overflows_;  // of the modules
  std::mutex mutex_;                                 // of what follows
  ConvertProgress progress_;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};
};

std::vector<TensorHeader> arrays_of(const Plan& plan) {
  std::vector<TensorHeader> arrays;
  for (const PlannedModule& module : plan.modules) {
    arrays.insert(arrays.end(), module.arrays.begin(), module.arrays.end());
  }
  return arrays;
}

std::int64_t parameters_of(const Plan& plan) {
  std::int64_t parameters = 0;
  for (const PlannedModule& module : plan.modules) parameters += module.rows->rows() * module.rows->cols();
  return parameters;
}

std::unique_ptr<ArrayWriter> make_writer(const Plan& plan, CheckpointFormat format, const fs::path& folder) {
  if (format == CheckpointFormat::npz) return npz_writer(folder, arrays_of(plan));
  return safetensors_writer(folder, arrays_of(plan), {.parameters = parameters_of(plan)});
}

void write_companions(const Source& source, const std::string& config, const fs::path& folder) {
  write_file(folder / "config.json", config);
  for (const auto& [name, content] : source.written_files) write_file(folder / name, content);
  for (const fs::path& file : source.copied_files) {
    write_file(folder / file.filename(), read_text(file, std::size_t{1} << 30));
  }
}

bool has_tokenizer(const Source& source) {
  const auto is_one = [](const fs::path& name) {
    return name == "tekken.json" || name == "tokenizer.json" || name.string().starts_with("tokenizer.model");
  };
  return std::any_of(source.copied_files.begin(), source.copied_files.end(),
                     [&](const fs::path& file) { return is_one(file.filename()); }) ||
         std::any_of(source.written_files.begin(), source.written_files.end(),
                     [&](const auto& file) { return is_one(file.first); });
}

bool is_within(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

/// No part of the source may lie in what is replaced, or in the folder that is written first, whatever links
/// lead there.
void check_apart(const fs::path& source, const TargetPaths& paths) {
  std::error_code error;
  const fs::path real = fs::canonical(source, error);
  if (error) return;  // it is not there: opening it says so
  for (const fs::path& folder : {paths.target, paths.partial}) {
    if (is_within(real, folder)) {
      fail("{}: expected a target apart from the source {}", paths.target.string(), source.string());
    }
  }
}

}  // namespace

ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(const ConvertProgress&)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  const TargetPaths paths = resolve_target(options.to);
  check_apart(options.from, paths);
  const Source source = open_source(options.from);
  for (const fs::path& file : source.mapped().paths()) check_apart(file, paths);
  Plan plan = make_plan(source, options);
  const std::string config = target_config(source, plan, options.format);
  TargetFolder folder(paths, options.overwrite);

  ConvertReport report;
  report.source_kind = source.kind;
  report.warnings = source.warnings;
  report.warnings.insert(report.warnings.end(), plan.warnings.begin(), plan.warnings.end());
  if (!has_tokenizer(source)) {
    report.warnings.push_back(
        fmt::format("{}: no tokenizer there: the target needs one", options.from.string()));
  }
  report.requantized = std::move(plan.requantized);
  for (const PlannedModule& module : plan.modules) report.bytes_written += module.bytes();
  report.bits_per_weight =
      8.0 * static_cast<double>(report.bytes_written) / static_cast<double>(parameters_of(plan));

  const auto writer = make_writer(plan, options.format, folder.path());
  ThreadPool pool(options.threads > 0 ? options.threads : default_thread_count());
  Conversion conversion(plan, options, progress);
  report.interrupted = !conversion.run(*writer, pool);
  if (report.interrupted) return report;
  conversion.add_warnings(report.warnings);
  writer->finish();
  write_companions(source, config, folder.path());
  source.mapped().check_unchanged();
  folder.commit();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace tramontane
