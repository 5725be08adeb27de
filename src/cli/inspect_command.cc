#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <map>
#include <memory>

#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/terminal.h"
#include "core/fail.h"
#include "model/model_impl.h"

namespace tramontane::cli {
namespace {

constexpr std::int64_t kContextUnit = 1000;  // tokens

std::string format_of(const MatrixView& w) {
  if (!w.quantized()) return std::string(name_of(w.dtype));
  if (w.quant.mode != QuantMode::affine) {
    return fmt::format("{}-bit {}, groups of {}", w.quant.bits, name_of(w.quant.mode), w.quant.group_size);
  }
  return fmt::format("{}-bit affine, groups of {}, {} scales", w.quant.bits, w.quant.group_size,
                     name_of(w.scale_dtype));
}

// What the model's matrices and norms amount to.
struct Totals {
  std::int64_t parameters = 0;
  std::int64_t bytes = 0;
  std::map<std::string, int> matrices_by_format;

  void add(const MatrixView& w) {
    parameters += w.rows * w.cols;
    bytes += static_cast<std::int64_t>(w.total_bytes());
    matrices_by_format[format_of(w)]++;
  }
  void add(const std::vector<float>& norm, DType dtype) {
    parameters += static_cast<std::int64_t>(norm.size());
    bytes += static_cast<std::int64_t>(norm.size() * size_of(dtype));
  }
};

Totals count(const Weights& weights, const ModelArgs& args) {
  Totals totals;
  totals.add(weights.tok_embeddings);
  if (!args.tied_embeddings) totals.add(weights.output);
  totals.add(weights.norm, weights.norm_dtype);
  for (const LayerWeights& layer : weights.layers) {
    for (const MatrixView& w : {layer.wq, layer.wk, layer.wv, layer.wo, layer.w1, layer.w2, layer.w3})
      totals.add(w);
    totals.add(layer.attention_norm, weights.norm_dtype);
    totals.add(layer.ffn_norm, weights.norm_dtype);
  }
  return totals;
}

std::string window_text(const ModelArgs& args) {
  const auto& windows = args.sliding_window;
  if (std::all_of(windows.begin(), windows.end(), [](int w) { return w == 0; })) return "none";
  if (std::all_of(windows.begin(), windows.end(), [&](int w) { return w == windows[0]; })) {
    return fmt::format("{} tokens", windows[0]);
  }
  return fmt::format("by layer: {}", fmt::join(windows, " "));
}

std::string rope_text(const ModelArgs& args) {
  std::string text = fmt::format(
      "{}, theta {}", args.rope_layout == RopeLayout::interleaved ? "interleaved pairs" : "half-split pairs",
      args.rope_theta);
  if (args.yarn)
    text += fmt::format(", YaRN factor {} over {}", args.yarn->factor, args.yarn->original_max_position);
  if (args.query_temperature)
    text += fmt::format(", query temperature beta {}", args.query_temperature->beta);
  return text;
}

nlohmann::json describe(Model& model) {
  const Model::Impl& impl = model.impl();
  const ModelArgs& args = model.args();
  const Tokenizer& tokenizer = model.tokenizer();
  const Totals totals = count(impl.mistral.weights(), args);
  nlohmann::json json = {
      {"folder", impl.checkpoint.folder().string()},
      {"format", impl.checkpoint.format()},
      {"dim", args.dim},
      {"n_layers", args.n_layers},
      {"head_dim", args.head_dim},
      {"hidden_dim", args.hidden_dim},
      {"n_heads", args.n_heads},
      {"n_kv_heads", args.n_kv_heads},
      {"vocab_size", args.vocab_size},
      {"norm_eps", args.norm_eps},
      {"tied_embeddings", args.tied_embeddings},
      {"max_position", args.max_position},
      {"dtype", name_of(model.dtype())},
      {"parameters", totals.parameters},
      {"weight_bytes", totals.bytes},
      {"matrices", totals.matrices_by_format},
      {"rope",
       {{"layout", args.rope_layout == RopeLayout::interleaved ? "interleaved" : "half_split"},
        {"theta", args.rope_theta},
        {"description", rope_text(args)}}},
      {"sliding_window", args.sliding_window},
      {"tokenizer",
       {{"kind", tokenizer.kind()},
        {"vocab_size", tokenizer.vocab_size()},
        {"bos_id", tokenizer.bos_id()},
        {"eos_id", tokenizer.eos_id()}}},
      {"kv_cache",
       {{"dtype", name_of(model.kv_dtype())},
        {"bytes_per_1k_tokens", impl.cache_shape.bytes_per_token() * kContextUnit}}},
      {"warnings", std::vector<std::string>(model.warnings().begin(), model.warnings().end())},
  };
  return json;
}

std::string as_text(const nlohmann::json& d, const ModelArgs& args) {
  std::string out;
  const auto line = [&](std::string_view label, const std::string& value) {
    out += fmt::format("{:<12} {}\n", label, value);
  };
  line("folder", d["folder"].get<std::string>());
  line("format", d["format"].get<std::string>());
  line("shape", fmt::format("dim {}, {} layers, {} heads ({} KV heads) of {}, hidden {}, vocabulary {}",
                            args.dim, args.n_layers, args.n_heads, args.n_kv_heads, args.head_dim,
                            args.hidden_dim, args.vocab_size));
  line("parameters", fmt::format("{}{}", d["parameters"].get<std::int64_t>(),
                                 args.tied_embeddings ? ", the output head tied to the embedding" : ""));
  line("weights",
       fmt::format("{}, {}", human_bytes(d["weight_bytes"].get<double>()), d["dtype"].get<std::string>()));
  for (const auto& [format, matrices] : d["matrices"].items()) {
    line("", fmt::format("{} {}: {}", matrices.get<int>(), matrices == 1 ? "matrix" : "matrices", format));
  }
  line("rope", rope_text(args));
  line("window", window_text(args));
  line("context", args.max_position > 0 ? fmt::format("{} tokens", args.max_position) : "not declared");
  line("tokenizer", fmt::format("{}, {} pieces, BOS {}, EOS {}", d["tokenizer"]["kind"].get<std::string>(),
                                d["tokenizer"]["vocab_size"].get<int>(), d["tokenizer"]["bos_id"].get<int>(),
                                d["tokenizer"]["eos_id"].get<int>()));
  line("KV cache", fmt::format("{} per 1k tokens of context, {}",
                               human_bytes(d["kv_cache"]["bytes_per_1k_tokens"].get<double>()),
                               d["kv_cache"]["dtype"].get<std::string>()));
  for (const auto& warning : d["warnings"]) line("warning", warning.get<std::string>());
  return out;
}

}  // namespace

void add_inspect(CLI::App& app, Run& run) {
  struct Options {
    ModelOptions model;
    bool json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("inspect", "Tell what a checkpoint folder holds");
  command.add_option("DIR", options->model.folder, "The folder with the model's weights and tokenizer")
      ->required();
  command.add_flag("--json", options->json, "Print one JSON object");
  options->model.add_to(command);
  command.callback([options, &run] {
    run = [options] {
      Model model = load_model(find_model(options->model.folder), options->model.load_options());
      const nlohmann::json description = describe(model);
      Output out;
      out.write(options->json ? json_line(description) : as_text(description, model.args()));
      out.check();
      return 0;
    };
  });
}

}  // namespace tramontane::cli
