#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/fail.h"
#include "synthetic/checkpoint_writer.h"
#include "tramontane/tokenizer.h"

namespace {

using namespace tramontane;
using namespace tramontane::synthetic;

ModelArgs shape_7b() {
  ModelArgs args;
  args.dim = 4096;
  args.n_layers = 32;
  args.head_dim = 128;
  args.hidden_dim = 14336;
  args.n_heads = 32;
  args.n_kv_heads = 8;
  args.vocab_size = 32000;
  args.norm_eps = 1e-5F;
  args.rope_theta = 1e6;
  args.max_position = 32768;
  return args;
}

ModelArgs shape_tiny() {
  ModelArgs args;
  args.dim = 128;
  args.n_layers = 2;
  args.head_dim = 32;
  args.hidden_dim = 256;
  args.n_heads = 4;
  args.n_kv_heads = 2;
  args.vocab_size = 512;
  args.norm_eps = 1e-5F;
  return args;
}

/// 150 million parameters: large enough for memory bandwidth to show, small enough to make at every build.
ModelArgs shape_small() {
  ModelArgs args = shape_7b();
  args.dim = 1024;
  args.n_layers = 8;
  args.hidden_dim = 3584;
  args.n_heads = 8;
  args.n_kv_heads = 2;
  return args;
}

const std::map<std::string, ModelArgs> kShapes = {
    {"7b", shape_7b()}, {"small", shape_small()}, {"tiny", shape_tiny()}};
const std::map<std::string, DType> kDTypes = {
    {"float32", DType::float32}, {"float16", DType::float16}, {"bfloat16", DType::bfloat16}};
const std::map<std::string, Container> kContainers = {
    {"npz", Container::npz},
    {"npz-deflated", Container::npz_deflated},
    {"npz-zip64", Container::npz_zip64},
    {"npz-shards", Container::npz_shards},
    {"safetensors", Container::safetensors},
    {"safetensors-shards", Container::safetensors_shards},
    {"pth", Container::pth},
    {"consolidated", Container::consolidated},
    {"consolidated-shards", Container::consolidated_shards}};
const std::map<std::string, Names> kNames = {
    {"mistral", Names::mistral}, {"hf", Names::hugging_face}, {"hf-nested", Names::hugging_face_nested}};

struct CommandLine {
  std::string shape = "tiny";
  std::string dtype = "float16";
  std::string scale_dtype;
  std::string format = "npz";
  std::string names = "mistral";
  std::string out;
  int bits = 0;
  int group_size = 64;
  int sliding_window = 0;
  ModelArgs numbers;  // given one by one; 0: as the shape says
  double rope_theta = 0;
  SyntheticOptions options;
};

void declare(CLI::App& app, CommandLine& line) {
  app.add_option("--shape", line.shape, "the model's shape, unless overridden below")
      ->check(CLI::IsMember(kShapes));
  const auto number = [&](const char* name, int& value, const char* what) {
    app.add_option(name, value, what)->check(CLI::PositiveNumber);
  };
  number("--dim", line.numbers.dim, "width of the residual stream");
  number("--layers", line.numbers.n_layers, "transformer blocks");
  number("--head-dim", line.numbers.head_dim, "elements of a head, even");
  number("--hidden-dim", line.numbers.hidden_dim, "width of the feed-forward network");
  number("--heads", line.numbers.n_heads, "query heads");
  number("--kv-heads", line.numbers.n_kv_heads, "key and value heads");
  number("--vocab-size", line.numbers.vocab_size, "tokens");
  app.add_option("--rope-theta", line.rope_theta, "RoPE base")->check(CLI::PositiveNumber);
  app.add_option("--sliding-window", line.sliding_window, "tokens that a query sees; 0: all");
  app.add_flag("--tied", line.options.args.tied_embeddings, "the output head is the embedding");
  app.add_option("--bits", line.bits, "bits per weight; 0: not quantised")
      ->check(CLI::IsMember(std::vector{0, 2, 3, 4, 5, 6, 8}));
  app.add_option("--group-size", line.group_size, "weights that share a scale")
      ->check(CLI::IsMember(std::vector{32, 64, 128}));
  app.add_option("--dtype", line.dtype, "norms and unquantised matrices")->check(CLI::IsMember(kDTypes));
  app.add_option("--scale-dtype", line.scale_dtype, "scales and biases; default: as --dtype")
      ->check(CLI::IsMember(kDTypes));
  app.add_option("--format", line.format, "container")->check(CLI::IsMember(kContainers));
  app.add_option("--names", line.names, "tensor names and config dialect")->check(CLI::IsMember(kNames));
  app.add_option("--tokenizer", line.options.tokenizer,
                 "a tokenizer.model to copy; it must have vocab-size pieces")
      ->check(CLI::ExistingFile);
  app.add_option("--seed", line.options.seed, "of the weights");
  app.add_option("--out", line.out, "the folder to write")->required();
}

SyntheticOptions resolve(const CommandLine& line) {
  SyntheticOptions options = line.options;
  const bool tied = options.args.tied_embeddings;
  options.args = kShapes.at(line.shape);
  options.args.tied_embeddings = tied;
  for (int ModelArgs::* member :
       {&ModelArgs::dim, &ModelArgs::n_layers, &ModelArgs::head_dim, &ModelArgs::hidden_dim,
        &ModelArgs::n_heads, &ModelArgs::n_kv_heads, &ModelArgs::vocab_size}) {
    if (line.numbers.*member > 0) options.args.*member = line.numbers.*member;
  }
  if (line.rope_theta > 0) options.args.rope_theta = line.rope_theta;
  options.args.sliding_window.assign(static_cast<std::size_t>(options.args.n_layers), line.sliding_window);
  if (line.bits > 0) options.quant = QuantSpec{line.bits, line.group_size};
  options.dtype = kDTypes.at(line.dtype);
  options.scale_dtype = line.scale_dtype.empty() ? options.dtype : kDTypes.at(line.scale_dtype);
  options.container = kContainers.at(line.format);
  options.names = kNames.at(line.names);
  return options;
}

/// Before the weights are made: vocabularies that differ would only be found when the folder is used.
void copy_tokenizer(const SyntheticOptions& options, const std::filesystem::path& folder) {
  if (options.tokenizer.empty()) return;
  write_tokenizer(folder, options);
  const int pieces = Tokenizer::load(folder).vocab_size();
  if (pieces != options.args.vocab_size) {
    fail("{}: expected {} pieces, as --vocab-size says, found {}", options.tokenizer.string(),
         options.args.vocab_size, pieces);
  }
}

}  // namespace

int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape): only out of memory
  CLI::App app("Writes a checkpoint folder with random weights.");
  CommandLine line;
  declare(app, line);
  CLI11_PARSE(app, argc, argv);
  try {
    const SyntheticOptions options = resolve(line);
    copy_tokenizer(options, line.out);
    write_checkpoint(line.out, options);
  } catch (const Error& error) {
    fmt::print(stderr, "tramontane-synthetic: {}\n", error.what());
    return 1;
  }
  return 0;
}
