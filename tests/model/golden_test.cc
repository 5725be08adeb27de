#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "support/compare.h"
#include "support/temp_folder.h"
#include "synthetic/checkpoint_writer.h"
#include "tramontane/model.h"
#include "tramontane/sampler.h"

// What MLX computes on synthetic checkpoints. Golden files of tests/oracle/make_golden.py, which says how
// they were made; the checkpoints are made here again.
namespace tramontane {
namespace {

using Json = nlohmann::json;

synthetic::Container container_named(const std::string& name) {
  using synthetic::Container;
  static const std::map<std::string, Container> containers = {
      {"npz", Container::npz},
      {"npz-deflated", Container::npz_deflated},
      {"npz-zip64", Container::npz_zip64},
      {"npz-shards", Container::npz_shards},
      {"safetensors", Container::safetensors},
      {"safetensors-shards", Container::safetensors_shards}};
  return containers.at(name);
}

synthetic::Names names_named(const std::string& name) {
  if (name == "mistral") return synthetic::Names::mistral;
  return name == "hf" ? synthetic::Names::hugging_face : synthetic::Names::hugging_face_nested;
}

/// The options as tramontane-synthetic's command line understands them.
synthetic::SyntheticOptions options_of(const Json& json, DType dtype) {
  synthetic::SyntheticOptions options;
  ModelArgs& args = options.args;
  args.dim = json.at("dim");
  args.n_layers = json.at("layers");
  args.head_dim = json.at("head-dim");
  args.hidden_dim = json.at("hidden-dim");
  args.n_heads = json.at("heads");
  args.n_kv_heads = json.at("kv-heads");
  args.vocab_size = json.at("vocab-size");
  args.norm_eps = 1e-5F;
  args.rope_theta = json.at("rope-theta");
  args.tied_embeddings = json.at("tied");
  args.sliding_window.assign(static_cast<std::size_t>(args.n_layers), json.at("sliding-window"));
  if (json.contains("bits")) options.quant = QuantSpec{json.at("bits"), json.at("group-size")};
  options.dtype = dtype;
  options.scale_dtype = dtype;
  options.container = container_named(json.at("format"));
  options.names = names_named(json.at("names"));
  options.seed = json.at("seed");
  options.tokenizer = std::string(TEST_DATA) + "/stories260k/tokenizer.model";
  return options;
}

/// The logits that follow the prompt and each of the first `count - 1` of the `next` tokens: [count,
/// vocab_size].
std::vector<float> logits_along(Model& model, std::vector<TokenId> tokens, const std::vector<TokenId>& next) {
  const std::size_t first = tokens.size() - 1;
  tokens.insert(tokens.end(), next.begin(), next.end() - 1);
  const std::vector<float> logits = model.logits(tokens, 7);
  const auto vocab = static_cast<std::size_t>(model.args().vocab_size);
  return {logits.begin() + static_cast<std::ptrdiff_t>(first * vocab), logits.end()};
}

/// Draws at each position of MLX's sequence; only where MLX's own choice hung on less than the tolerance may
/// it differ.
void expect_same_draws(Model& model, const Json& golden, const Json& draw, DType dtype) {
  const auto expected = draw.at("tokens").get<std::vector<TokenId>>();
  const auto certain = draw.at("certain").get<std::vector<int>>();
  const auto logits = logits_along(model, golden.at("prompt").get<std::vector<TokenId>>(), expected);
  const auto vocab = static_cast<std::size_t>(model.args().vocab_size);
  SamplerOptions options;
  options.temperature = draw.at("temperature");
  options.seed = draw.at("seed");
  Sampler sampler(options, dtype, model.args().vocab_size);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const TokenId token = sampler.sample(std::span(logits).subspan(i * vocab, vocab), {});
    if (certain[i] != 0)
      EXPECT_EQ(token, expected[i]) << "draw " << i << " at temperature " << options.temperature;
  }
}

void expect_as_mlx(const Json& golden, DType dtype) {
  SCOPED_TRACE(golden.at("options").dump());
  const testing::TempFolder folder;
  synthetic::write_checkpoint(folder.path(), options_of(golden.at("options"), dtype));
  LoadOptions load;
  load.threads = 1;
  load.kv_dtype = DType::float32;
  load.activation_bits = 32;
  Model model = load_model(folder.path(), load);
  ASSERT_EQ(model.dtype(), dtype);

  const auto prompt = golden.at("prompt").get<std::vector<TokenId>>();
  const std::vector<float> logits = model.logits(prompt, 7);
  std::vector<float> expected;
  for (const Json& row : golden.at("last_logits")) {
    const auto values = row.get<std::vector<float>>();
    expected.insert(expected.end(), values.begin(), values.end());
  }
  // The bound of the comparison with MLX, and the largest error for which the golden file calls tokens
  // certain.
  const testing::Tolerance tolerance = {2e-5, golden.at("largest_error")};
  EXPECT_TRUE(testing::close(std::span(logits).last(expected.size()), expected, tolerance));
  for (const Json& draw : golden.at("draws")) expect_same_draws(model, golden, draw, dtype);

  // By default quantised products have 16-bit activations: 5e-5 for each product, uncorrelated.
  load.activation_bits = 16;
  const std::vector<float> sixteen = load_model(folder.path(), load).logits(prompt, 7);
  const bool quantised = golden.at("options").contains("bits");
  const double bound = quantised ? 5e-5 * std::sqrt(7.0 * model.args().n_layers + 1) : 2e-5;
  EXPECT_TRUE(testing::close(std::span(sixteen).last(expected.size()), expected, {bound}));
}

class ModelGolden : public ::testing::TestWithParam<DType> {};

TEST_P(ModelGolden, LogitsAndTokensAreThoseOfMlx) {
  std::ifstream file(std::string(TEST_GOLDEN) + "/model_" + std::string(name_of(GetParam())) + ".json");
  const Json cases = Json::parse(file).at("cases");
  ASSERT_EQ(cases.size(), 8U);
  for (const Json& golden : cases) expect_as_mlx(golden, GetParam());
}

INSTANTIATE_TEST_SUITE_P(EveryDtype, ModelGolden,
                         ::testing::Values(DType::float32, DType::float16, DType::bfloat16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace tramontane
