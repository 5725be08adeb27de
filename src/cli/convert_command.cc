#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "core/fail.h"
#include "tramontane/convert.h"

namespace tramontane::cli {
namespace {

struct Options {
  ConvertOptions convert;
  std::string format = "npz";
  std::string dtype;
  int bits = 0;
  int group_size = 0;
  bool quiet = false;
  bool json = false;
};

const std::map<std::string, DType> kDTypes = {
    {"float16", DType::float16}, {"bfloat16", DType::bfloat16}, {"float32", DType::float32}};

std::string to_json(const Options& options, const ConvertReport& report) {
  nlohmann::json matrices = nlohmann::json::array();
  for (const RequantizedMatrix& matrix : report.requantized) {
    matrices.push_back(
        {{"path", matrix.path}, {"from", matrix.from}, {"to", matrix.to}, {"carried", matrix.carried}});
  }
  return json_line({{"from", options.convert.from.string()},
                    {"to", options.convert.to.string()},
                    {"source_kind", report.source_kind},
                    {"format", options.format},
                    {"bytes", report.bytes_written},
                    {"bits_per_weight", report.bits_per_weight},
                    {"seconds", report.seconds},
                    {"requantized", matrices},
                    {"warnings", report.warnings}});
}

/// "layers.0.attention.wq, layers.1.attention.wq": as "layers.0-1.attention.wq".
std::string compact(const std::vector<std::string>& paths) {
  // By what is around the layer's number: the numbers.
  std::vector<std::pair<std::string, std::vector<int>>> groups;
  for (const std::string& path : paths) {
    const auto digits = path.find_first_of("0123456789", path.find("layers."));
    std::string pattern = path;
    int layer = -1;
    if (path.find("layers.") != std::string::npos) {
      std::size_t length = 0;
      layer = std::stoi(path.substr(digits), &length);
      pattern = path.substr(0, digits) + "{}" + path.substr(digits + length);
    }
    auto group = std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g.first == pattern; });
    if (group == groups.end()) group = groups.insert(group, {pattern, {}});
    group->second.push_back(layer);
  }
  std::string text;
  for (const auto& [pattern, layers] : groups) {
    std::string numbers;
    for (std::size_t i = 0; i < layers.size();) {
      std::size_t j = i;
      while (j + 1 < layers.size() && layers[j + 1] == layers[j] + 1) ++j;
      if (!numbers.empty()) numbers += ',';
      numbers += i == j ? std::to_string(layers[i]) : fmt::format("{}-{}", layers[i], layers[j]);
      i = j + 1;
    }
    if (!text.empty()) text += ", ";
    text += layers.front() < 0 ? pattern : fmt::format(fmt::runtime(pattern), numbers);
  }
  return text;
}

/// What became of matrices that were quantised: a line for each way.
std::string requantized_text(const ConvertReport& report) {
  std::map<std::pair<bool, std::string>, std::vector<std::string>> ways;
  for (const RequantizedMatrix& matrix : report.requantized) {
    const std::string way = matrix.from == matrix.to ? matrix.from : matrix.from + " -> " + matrix.to;
    ways[{!matrix.carried, way}].push_back(matrix.path);
  }
  std::string text;
  for (const auto& [way, paths] : ways) {
    text += fmt::format("[INFO] {} {} of {}: {}\n", way.first ? "Computed anew" : "Carried over", way.second,
                        paths.size() == 1 ? "1 matrix" : fmt::format("{} matrices", paths.size()),
                        compact(paths));
  }
  return text;
}

int run_convert(Options& options) {
  ConvertOptions& convert_options = options.convert;
  convert_options.from = find_model(convert_options.from);
  if (!options.dtype.empty()) convert_options.dtype = kDTypes.at(options.dtype);
  if (options.bits != 0) convert_options.bits = options.bits;
  if (options.group_size != 0) convert_options.group_size = options.group_size;
  convert_options.format = options.format == "npz" ? CheckpointFormat::npz : CheckpointFormat::safetensors;
  convert_options.interrupt = &interrupt_flag();
  catch_interrupts();

  if (!options.quiet) {
    note(fmt::format("[INFO] Converting {} to {}.\n", one_line(convert_options.from.string()),
                     one_line(convert_options.to.string())));
  }
  ProgressBar bar("Converting", {.unit = ProgressUnit::bytes, .lines = true, .quiet = options.quiet});
  const ConvertReport report = convert(convert_options, [&](const ConvertProgress& progress) {
    bar.show(progress.bytes_done, progress.bytes_total);
  });
  bar.clear();
  for (const auto& warning : report.warnings) note(fmt::format("[WARNING] {}\n", one_line(warning)));
  if (report.interrupted) {
    note("[WARNING] Interrupted: nothing was written.\n");
    return 128 + interrupt_signal();
  }
  if (!options.quiet) {
    note(requantized_text(report));
    note(fmt::format("[INFO] Wrote {} of weights, {:.2f} bits each, in {:.1f} s ({}/s).\n",
                     human_bytes(static_cast<double>(report.bytes_written)), report.bits_per_weight,
                     report.seconds,
                     human_bytes(static_cast<double>(report.bytes_written) / report.seconds)));
  }
  if (options.json) {
    Output out;
    out.write(to_json(options, report));
    out.check();
  }
  return 0;
}

void add_quantization(CLI::App& command, Options& o) {
  command.add_flag("-q,--quantize", o.convert.quantize, "Quantise the matrices");
  command.add_option("--q-bits", o.bits, "Bits of a weight [4, or the mode's]")
      ->check(CLI::IsMember({2, 3, 4, 5, 6, 8}));
  command.add_option("--q-group-size", o.group_size, "Weights that share a scale [64, or the mode's]")
      ->check(CLI::IsMember({16, 32, 64, 128}));
  command.add_option("--q-mode", o.convert.mode, "Kind of quantisation")
      ->check(CLI::IsMember({"affine", "mxfp4", "mxfp8", "nvfp4"}))
      ->capture_default_str();
  command
      .add_option("--q-predicate,--quant-predicate", o.convert.recipe,
                  "A recipe with more bits for the sensitive matrices")
      ->check(CLI::IsMember({"mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6"}));
  command.add_flag("-d,--dequantize", o.convert.dequantize, "Write plain what is quantised in the source");
}

}  // namespace

void add_convert(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command = *app.add_subcommand("convert", "Make an MLX checkpoint of any other, or quantise one");
  command
      .add_option("--torch-path,--hf-path", o.convert.from,
                  "What to convert: a folder of Mistral's, Hugging Face's or MLX's, or a GGUF file")
      ->check(a_name())
      ->capture_default_str();
  command.add_option("--mlx-path", o.convert.to, "The folder to write")
      ->check(a_name())
      ->capture_default_str();
  command
      .add_option("--format", o.format,
                  "npz: of MLX's mistral example; safetensors: of mlx-lm, with Hugging Face's names")
      ->check(CLI::IsMember({"npz", "safetensors"}))
      ->capture_default_str();
  command
      .add_option(
          "--dtype", o.dtype,
          "Of what is not quantised, and of scales that are computed [float16 for npz, the source's for "
          "safetensors]")
      ->check(CLI::IsMember({"float16", "bfloat16", "float32"}));
  add_quantization(command, o);
  command.add_flag("--force", o.convert.overwrite, "Replace a checkpoint that is at --mlx-path");
  command.add_option("--threads", o.convert.threads, "Threads to compute with; 0: the physical cores")
      ->check(within(0, 4096))
      ->capture_default_str();
  command.add_flag("--quiet", o.quiet, "Only warnings and errors");
  command.add_flag("--json", o.json, "Print one JSON object at the end");
  command.callback([options, &run] { run = [options] { return run_convert(*options); }; });
}

}  // namespace tramontane::cli
