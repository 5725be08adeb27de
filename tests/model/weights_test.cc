#include "model/weights.h"

#include <functional>
#include <limits>

#include "checkpoint/support.h"
#include "core/float16.h"

namespace tramontane {
namespace {

using synthetic::Container;
using synthetic::Names;
using synthetic::PlannedTensor;
using synthetic::SyntheticOptions;
using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::small_options;
using testing::TempFolder;
using testing::write_file;

/// Writes the checkpoint with its tensors changed, as one safetensors file.
void write_changed(const TempFolder& folder, const SyntheticOptions& options,
                   const std::function<void(std::vector<PlannedTensor>&)>& change) {
  std::vector<PlannedTensor> tensors = plan_tensors(options);
  change(tensors);
  std::vector<TensorHeader> headers;
  std::string data;
  for (const PlannedTensor& tensor : tensors) {
    headers.push_back(tensor.header);
    std::string bytes(tensor.header.bytes(), '\0');
    tensor.fill(0, std::as_writable_bytes(std::span(bytes)));
    data += bytes;
  }
  write_file(folder / "config.json", config_text(options));
  write_file(folder / "model.safetensors", safetensors_header(headers) + data);
}

PlannedTensor& at(std::vector<PlannedTensor>& tensors, std::string_view name) {
  for (PlannedTensor& tensor : tensors) {
    if (tensor.header.name == name) return tensor;
  }
  throw std::out_of_range(std::string(name));
}

void drop(std::vector<PlannedTensor>& tensors, std::string_view name) {
  std::erase_if(tensors, [&](const PlannedTensor& tensor) { return tensor.header.name == name; });
}

void fill_zero(std::uint64_t /*first*/, std::span<std::byte> out) {
  std::fill(out.begin(), out.end(), std::byte{});
}

struct Wrong {
  const char* name;
  std::function<void(std::vector<PlannedTensor>&)> change;
  const char* message;
};

class WrongTensors : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongTensors, AreRefusedByName) {
  const TempFolder folder;
  write_changed(folder, small_options(), GetParam().change);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_TRUE(contains(error_of([&] { load_weights(checkpoint); }), GetParam().message));
}

using Tensors = std::vector<PlannedTensor>;
const std::vector<Wrong> kWrongTensors = {
    Wrong{"missing_norm", [](Tensors& t) { drop(t, "norm.weight"); }, "tensor 'norm.weight': missing"},
    Wrong{"missing_head",
          [](Tensors& t) { std::erase_if(t, [](auto& x) { return x.header.name.starts_with("output"); }); },
          "tensor 'output.weight': missing"},
    Wrong{
        "missing_layer",
        [](Tensors& t) { std::erase_if(t, [](auto& x) { return x.header.name.starts_with("layers.1."); }); },
        "tensor 'layers.1.attention.wq.weight': missing (and 8 more)"},
    Wrong{"missing_weight", [](Tensors& t) { drop(t, "layers.0.attention.wq.weight"); },
          "tensor 'layers.0.attention.wq.weight': missing"},
    Wrong{"missing_scales", [](Tensors& t) { drop(t, "layers.0.attention.wq.scales"); },
          "tensor 'layers.0.attention.wq.biases': expected scales beside the biases"},
    Wrong{"missing_biases", [](Tensors& t) { drop(t, "layers.0.attention.wq.biases"); },
          "tensor 'layers.0.attention.wq.scales': expected biases beside the scales"},
    Wrong{"packed_without_scales",
          [](Tensors& t) {
            drop(t, "layers.0.attention.wq.biases");
            drop(t, "layers.0.attention.wq.scales");
          },
          "tensor 'layers.0.attention.wq.weight': expected float32, float16 or bfloat16 [64, 64], found "
          "uint32 [64, 8]"},
    Wrong{"extra", [](Tensors& t) { t.push_back({{"surplus", DType::float32, {2}}, fill_zero}); },
          "tensor 'surplus': not a part of the 2-layer dense model"},
    Wrong{"extra_layer",
          [](Tensors& t) {
            t.push_back({{"layers.2.attention_norm.weight", DType::float16, {64}}, fill_zero});
            t.push_back({{"layers.3.attention_norm.weight", DType::float16, {64}}, fill_zero});
          },
          "tensor 'layers.2.attention_norm.weight': not a part of the 2-layer dense model that "
          "config.json describes (and 1 more)"},
    Wrong{"attention_bias",
          [](Tensors& t) { t.push_back({{"layers.0.attention.wq.bias", DType::float16, {64}}, fill_zero}); },
          "tensor 'layers.0.attention.wq.bias': not a part"},
    Wrong{"scales_of_a_norm",
          [](Tensors& t) { t.push_back({{"norm.scales", DType::float16, {2}}, fill_zero}); },
          "tensor 'norm.scales': not a part"},
    Wrong{"two_names",
          [](Tensors& t) { t.push_back({{"model.norm.weight", DType::float16, {64}}, fill_zero}); },
          "tensor 'norm.weight': expected each parameter once, found it as 'model.norm.weight' too"},
    Wrong{"mixed_families",
          [](Tensors& t) {
            at(t, "layers.1.ffn_norm.weight").header.name = "layers.1.post_attention_layernorm.weight";
          },
          "expected names of one family"},
    Wrong{"weight_shape", [](Tensors& t) { at(t, "layers.0.attention.wk.weight").header.shape = {32, 9}; },
          "tensor 'layers.0.attention.wk.weight': expected uint32 [32, 8], as config.json says, found "
          "uint32 [32, 9]"},
    Wrong{"weight_rank", [](Tensors& t) { at(t, "layers.0.attention.wk.weight").header.shape = {256}; },
          "found uint32 [256]"},
    Wrong{"weight_dtype",
          [](Tensors& t) { at(t, "layers.0.attention.wk.weight").header.dtype = DType::float32; },
          "expected uint32 [32, 8], as config.json says, found float32 [32, 8]"},
    Wrong{"scale_shape", [](Tensors& t) { at(t, "layers.0.attention.wk.scales").header.shape = {2, 32}; },
          "tensor 'layers.0.attention.wk.scales': expected float32, float16 or bfloat16 [32, 2], found "
          "float16 [2, 32]"},
    Wrong{"scale_dtype",
          [](Tensors& t) { at(t, "layers.0.attention.wk.scales").header.dtype = DType::uint32; },
          "found uint32 [32, 2]"},
    Wrong{"bias_shape", [](Tensors& t) { at(t, "layers.0.attention.wk.biases").header.shape = {32, 1}; },
          "tensor 'layers.0.attention.wk.biases': expected float32, float16 or bfloat16 [32, 2], found "
          "float16 [32, 1]"},
    Wrong{"bias_dtype",
          [](Tensors& t) { at(t, "layers.0.attention.wk.biases").header.dtype = DType::bfloat16; },
          "tensor 'layers.0.attention.wk.biases': expected float16, found bfloat16"},
    Wrong{"norm_shape", [](Tensors& t) { at(t, "norm.weight").header.shape = {63}; },
          "tensor 'norm.weight': expected float32, float16 or bfloat16 [64], found float16 [63]"},
    Wrong{"norm_dtype", [](Tensors& t) { at(t, "norm.weight").header.dtype = DType::uint32; },
          "found uint32 [64]"},
    Wrong{"norm_infinite",
          [](Tensors& t) {
            at(t, "norm.weight").fill = [](std::uint64_t, std::span<std::byte> out) {
              std::fill(out.begin(), out.end(), std::byte{0x3c});
              out[7] = std::byte{0x7c};  // an infinity or NaN as the fourth float16
            };
          },
          "tensor 'norm.weight': expected finite numbers, found nan at index 3"}};

INSTANTIATE_TEST_SUITE_P(All, WrongTensors, ::testing::ValuesIn(kWrongTensors),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(Weights, HaveTheShapesOfTheModel) {
  const TempFolder folder;
  write_checkpoint(folder.path(), small_options());
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  const Weights weights = load_weights(checkpoint);
  ASSERT_EQ(weights.layers.size(), 2U);
  const auto shape = [](const MatrixView& view) { return Shape{view.rows, view.cols}; };
  EXPECT_EQ(shape(weights.tok_embeddings), (Shape{11, 64}));
  EXPECT_EQ(shape(weights.output), (Shape{11, 64}));
  const LayerWeights& layer = weights.layers[1];
  EXPECT_EQ(shape(layer.wq), (Shape{64, 64}));
  EXPECT_EQ(shape(layer.wk), (Shape{32, 64}));
  EXPECT_EQ(shape(layer.wv), (Shape{32, 64}));
  EXPECT_EQ(shape(layer.wo), (Shape{64, 64}));
  EXPECT_EQ(shape(layer.w1), (Shape{96, 64}));
  EXPECT_EQ(shape(layer.w2), (Shape{64, 96}));
  EXPECT_EQ(shape(layer.w3), (Shape{96, 64}));
  EXPECT_EQ(layer.ffn_norm.size(), 64U);
  EXPECT_EQ(weights.dtype, DType::float16);
  const TensorView& wk = *checkpoint.find("layers.1.attention.wk.weight");
  EXPECT_EQ(layer.wk.data, wk.bytes.data());
  EXPECT_EQ(layer.wk.quant, (QuantSpec{4, 32}));
  EXPECT_EQ(layer.wk.scales, checkpoint.find("layers.1.attention.wk.scales")->bytes.data());
  EXPECT_EQ(layer.wk.biases, checkpoint.find("layers.1.attention.wk.biases")->bytes.data());
  const TensorView& norm = *checkpoint.find("norm.weight");
  for (std::size_t i = 0; i < 64; i++)
    EXPECT_EQ(weights.norm[i], load_float(norm.bytes.data(), norm.dtype, i));
}

class EveryQuantisation : public ::testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(EveryQuantisation, IsLoaded) {
  SyntheticOptions options;
  options.args = testing::small_args();
  options.args.dim = 128;
  options.args.hidden_dim = 256;
  options.args.head_dim = 32;
  options.quant = QuantSpec{std::get<0>(GetParam()), std::get<1>(GetParam())};
  for (const auto& [scale_dtype, names] :
       {std::pair{DType::float32, Names::mistral}, std::pair{DType::float16, Names::hugging_face},
        std::pair{DType::bfloat16, Names::hugging_face_nested}}) {
    options.scale_dtype = scale_dtype;
    options.names = names;
    const TempFolder folder;
    write_checkpoint(folder.path(), options);
    const Checkpoint checkpoint = Checkpoint::open(folder.path());
    const Weights weights = load_weights(checkpoint);
    EXPECT_EQ(weights.rope_layout,
              names == Names::mistral ? RopeLayout::interleaved : RopeLayout::half_split);
    for (const MatrixView& view : {weights.tok_embeddings, weights.layers[0].w2, weights.output}) {
      EXPECT_EQ(view.quant, options.quant);
      EXPECT_EQ(view.scale_dtype, scale_dtype);
    }
    const TensorView& w2 = *checkpoint.find(module_name(names, "layers.0.feed_forward.w2") + ".weight");
    EXPECT_EQ(w2.bytes.size(), weights.layers[0].w2.row_bytes() * 128);
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryQuantisation,
                         ::testing::Combine(::testing::Values(2, 3, 4, 5, 6, 8),
                                            ::testing::Values(32, 64, 128)));

TEST(Weights, OfTheTrainedModelAreLoaded) {
  const Checkpoint checkpoint = Checkpoint::open(TEST_DATA "/stories260k");
  const Weights weights = load_weights(checkpoint);
  EXPECT_EQ(weights.layers.size(), 5U);
  EXPECT_EQ(weights.dtype, DType::float32);
  EXPECT_FALSE(weights.output.quantized());
  EXPECT_EQ(weights.rope_layout, RopeLayout::interleaved);
}

TEST(Weights, ATiedHeadIsTheEmbedding) {
  SyntheticOptions options = small_options();
  options.args.tied_embeddings = true;
  const TempFolder folder;
  // A head that is there all the same does not count.
  write_changed(folder, options,
                [](Tensors& t) { t.push_back({{"output.weight", DType::float16, {1}}, fill_zero}); });
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  const Weights weights = load_weights(checkpoint);
  EXPECT_EQ(weights.output.data, weights.tok_embeddings.data);
  EXPECT_EQ(weights.output.quant, weights.tok_embeddings.quant);
}

TEST(Weights, InverseFrequenciesAndVisionTensorsAreIgnored) {
  const TempFolder folder;
  write_changed(folder, small_options(), [](Tensors& t) {
    t.push_back({{"model.layers.0.self_attn.rotary_emb.inv_freq", DType::float32, {8}}, fill_zero});
    t.push_back({{"vision_tower.norm.weight", DType::float32, {8}}, fill_zero});
  });
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_NO_THROW(load_weights(checkpoint));
}

TEST(Overrides, MixQuantisationsInOneModel) {
  for (const Names names : {Names::mistral, Names::hugging_face, Names::hugging_face_nested}) {
    SyntheticOptions options = small_options();
    options.names = names;
    options.overrides = {{"layers.0.feed_forward.w2", QuantSpec{8, 32}}, {"output", std::nullopt}};
    const TempFolder folder;
    write_checkpoint(folder.path(), options);
    const Checkpoint checkpoint = Checkpoint::open(folder.path());
    const Weights weights = load_weights(checkpoint);
    EXPECT_EQ(weights.layers[0].w2.quant, (QuantSpec{8, 32}));
    EXPECT_EQ(weights.layers[1].w2.quant, (QuantSpec{4, 32}));
    EXPECT_FALSE(weights.output.quantized());
  }
}

/// The error of loading the options' tensors with another quantisation in config.json.
std::string error_with(const SyntheticOptions& tensors, const std::string& quantization) {
  const TempFolder folder;
  write_checkpoint(folder.path(), tensors);
  SyntheticOptions plain = tensors;
  plain.quant.reset();
  plain.overrides.clear();
  std::string text = config_text(plain);
  if (!quantization.empty()) text.insert(1, R"("quantization": )" + quantization + ",");
  write_file(folder / "config.json", text);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  return error_of([&] { load_weights(checkpoint); });
}

TEST(Overrides, ThatContradictTheTensorsAreRefused) {
  const SyntheticOptions quantised = small_options();
  EXPECT_TRUE(contains(error_with(quantised, ""),
                       "tensor 'tok_embeddings.scales': expected no scales, as config.json says"));
  EXPECT_TRUE(contains(error_with(quantised, R"({"bits": 4, "group_size": 32, "output": false})"),
                       "tensor 'output.scales': expected no scales, as config.json says"));
  SyntheticOptions plain = small_options();
  plain.quant.reset();
  EXPECT_TRUE(
      contains(error_with(plain, R"({"bits": 4, "group_size": 32, "output": true})"),
               "tensor 'output.weight': expected it quantised, as config.json says, found no scales"));
  EXPECT_TRUE(
      contains(error_with(quantised, R"({"bits": 8, "group_size": 32})"), "expected uint32 [11, 16]"));
  EXPECT_TRUE(
      contains(error_with(quantised, R"({"bits": 4, "group_size": 64})"), "[11, 1], found float16 [11, 2]"));
  EXPECT_TRUE(contains(
      error_with(quantised, R"({"bits": 4, "group_size": 128})"),
      "tensor 'tok_embeddings.weight': expected a group size that divides its 64 columns, found 128"));
}

TEST(Overrides, AMatrixWithoutScalesIsNotQuantised) {
  SyntheticOptions options = small_options();
  options.overrides = {{"layers.0.attention.wo", std::nullopt}};
  const TempFolder folder;
  write_checkpoint(folder.path(), options);
  options.overrides.clear();  // config.json does not mention it: mlx-lm goes by the scales
  write_file(folder / "config.json", config_text(options));
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_FALSE(load_weights(checkpoint).layers[0].wo.quantized());
}

TEST(Weights, ADtypeThatIsNotSupportedIsNamedWhereItIsNeeded) {
  SyntheticOptions options = small_options();
  const TempFolder folder;
  write_changed(folder, options, [](Tensors&) {});
  std::string bytes = read_file(folder / "model.safetensors");
  const std::size_t norm = bytes.find("\"norm.weight\"");
  bytes.replace(bytes.find("\"F16\"", norm), 5, "\"I16\"");
  write_file(folder / "model.safetensors", bytes);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  EXPECT_TRUE(contains(error_of([&] { load_weights(checkpoint); }),
                       "tensor 'norm.weight': expected float32, float16 or bfloat16 [64], found 'I16' [64]"));
}

}  // namespace
}  // namespace tramontane
