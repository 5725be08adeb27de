#include <zlib.h>

#include <cmath>

#include "checkpoint/checkpoint.h"
#include "checkpoint/support.h"
#include "core/float16.h"

// The generator of random checkpoints: golden files elsewhere depend on its every bit.
namespace tramontane::synthetic {
namespace {

using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::TempFolder;

SyntheticOptions options_of(Container container, Names names) {
  SyntheticOptions options;
  options.args = testing::small_args();
  options.quant = QuantSpec{3, 32};
  options.container = container;
  options.names = names;
  options.seed = 42;
  return options;
}

std::uint32_t checksum(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

TEST(Synthetic, EqualOptionsGiveEqualFilesEverywhere) {
  const TempFolder folder;
  write_checkpoint(folder.path(), options_of(Container::npz, Names::mistral));
  EXPECT_EQ(checksum(folder / "weights.npz"),
            0xc4a1b601U);  // as first written; a change here changes the golden files
  write_checkpoint(folder.path(), options_of(Container::safetensors, Names::hugging_face));
  EXPECT_EQ(checksum(folder / "model.safetensors"), 0xb8c4c13dU);
}

TEST(Synthetic, AnotherSeedGivesOtherWeights) {
  SyntheticOptions options = options_of(Container::npz, Names::mistral);
  const TempFolder first;
  write_checkpoint(first.path(), options);
  options.seed++;
  const TempFolder second;
  write_checkpoint(second.path(), options);
  EXPECT_NE(read_file(first / "weights.npz"), read_file(second / "weights.npz"));
}

TEST(Synthetic, APieceOfATensorIsThatPieceOfTheWhole) {
  for (const auto& tensor : plan_tensors(options_of(Container::npz, Names::mistral))) {
    std::string whole(tensor.header.bytes(), '\0');
    tensor.fill(0, std::as_writable_bytes(std::span(whole)));
    const std::size_t at = whole.size() / 16 * 8;
    std::string rest(whole.size() - at, '\0');
    tensor.fill(at / size_of(tensor.header.dtype), std::as_writable_bytes(std::span(rest)));
    EXPECT_EQ(rest, whole.substr(at)) << tensor.header.name;
  }
}

TEST(Synthetic, BothFamiliesOfNamesHoldTheSameValues) {
  const auto mistral = plan_tensors(options_of(Container::npz, Names::mistral));
  const auto hugging_face = plan_tensors(options_of(Container::npz, Names::hugging_face));
  ASSERT_EQ(mistral.size(), hugging_face.size());
  for (std::size_t i = 0; i < mistral.size(); i++) {
    std::string a(mistral[i].header.bytes(), '\0');
    std::string b(hugging_face[i].header.bytes(), '\1');
    mistral[i].fill(0, std::as_writable_bytes(std::span(a)));
    hugging_face[i].fill(0, std::as_writable_bytes(std::span(b)));
    EXPECT_EQ(a, b) << mistral[i].header.name << " " << hugging_face[i].header.name;
  }
}

TEST(Synthetic, ScalesHaveBothSignsAndWeightsTheWantedDeviation) {
  constexpr QuantSpec kSpec{4, 32};
  constexpr std::size_t kGroups = 1 << 14;
  std::vector<float> scales(kGroups);
  std::vector<float> biases(kGroups);
  random_scales(1, "t", DType::float32, kSpec, 0.5)(0, std::as_writable_bytes(std::span(scales)));
  random_biases(1, "t", DType::float32, kSpec, 0.5)(0, std::as_writable_bytes(std::span(biases)));
  double sum = 0;
  double squares = 0;
  std::size_t negative = 0;
  for (std::size_t i = 0; i < kGroups; i++) {
    negative += scales[i] < 0 ? 1 : 0;
    for (int q = 0; q < 16; q++) {
      const double w = double{scales[i]} * q + double{biases[i]};
      sum += w;
      squares += w * w;
    }
  }
  constexpr double kWeights = 16.0 * kGroups;
  // Of 2^14 fair draws, 6 standard deviations are 384. Magnitudes in [0.5, 1.5) add a twelfth to the
  // variance, jitter of the bias by up to half a step little.
  EXPECT_NEAR(static_cast<double>(negative), kGroups / 2.0, 384);
  EXPECT_NEAR(sum / kWeights, 0, 0.01);
  EXPECT_NEAR(std::sqrt(squares / kWeights), 0.5 * std::sqrt(13.0 / 12), 0.01);
}

TEST(Synthetic, EveryPartOfTheConfigurationIsReadBack) {
  for (const Names names : {Names::mistral, Names::hugging_face, Names::hugging_face_nested}) {
    SyntheticOptions options = options_of(Container::npz, names);
    ModelArgs& args = options.args;
    args.rope_theta = 5e5;
    args.sliding_window = {0, 16};
    args.max_position = 4096;
    args.tied_embeddings = true;
    args.yarn =
        YarnScaling{.factor = 4, .original_max_position = 1024, .attention_factor = 0.1 * std::log(4.0) + 1};
    args.query_temperature = QueryTemperature{.beta = 0.25, .original_max_position = 1024};
    options.overrides = {{"layers.0.feed_forward.w2", QuantSpec{8, 32}},
                         {"layers.1.attention.wq", std::nullopt}};
    const Config config = parse_config(config_text(options), "config.json");
    EXPECT_EQ(config.args.rope_theta, args.rope_theta);
    EXPECT_EQ(config.args.sliding_window, args.sliding_window);
    EXPECT_EQ(config.args.max_position, args.max_position);
    EXPECT_TRUE(config.args.tied_embeddings);
    EXPECT_EQ(config.args.norm_eps, args.norm_eps);
    EXPECT_EQ(config.args.yarn->factor, 4);
    EXPECT_DOUBLE_EQ(config.args.yarn->attention_factor, args.yarn->attention_factor);
    EXPECT_EQ(config.args.query_temperature->beta, 0.25);
    EXPECT_EQ(config.quantization.standard, options.quant);
    EXPECT_EQ(config.quantization.overrides.at(module_name(names, "layers.0.feed_forward.w2")),
              (QuantSpec{8, 32}));
    EXPECT_EQ(config.quantization.overrides.at(module_name(names, "layers.1.attention.wq")), std::nullopt);
  }
}

TEST(Synthetic, AGroupThatDoesNotDivideIsRefused) {
  SyntheticOptions options = options_of(Container::npz, Names::mistral);
  options.quant = QuantSpec{4, 64};  // hidden_dim is 96
  EXPECT_TRUE(
      contains(error_of([&] { plan_tensors(options); }), "a group size that divides 96 columns, found 64"));
}

TEST(Synthetic, TheTokenizerIsCopied) {
  SyntheticOptions options = options_of(Container::npz, Names::mistral);
  options.tokenizer = TEST_DATA "/stories260k/tokenizer.model";
  const TempFolder folder;
  write_checkpoint(folder.path(), options);
  EXPECT_EQ(read_file(folder / "tokenizer.model"), read_file(options.tokenizer));
  options.tokenizer = folder / "none.model";
  EXPECT_TRUE(
      contains(error_of([&] { write_checkpoint(folder.path(), options); }), "none.model: cannot copy"));
}

}  // namespace
}  // namespace tramontane::synthetic
