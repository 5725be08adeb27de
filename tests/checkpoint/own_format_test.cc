#include "checkpoint/support.h"
#include "model/weights.h"

// Folders in Mistral's own format: params.json and consolidated weights.
namespace tramontane {
namespace {

using synthetic::Container;
using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::TempFolder;
using testing::write_file;

synthetic::SyntheticOptions own_options(Container container) {
  synthetic::SyntheticOptions options;
  options.args = testing::small_args();
  options.dtype = DType::bfloat16;
  options.container = container;
  return options;
}

class OwnFormat : public ::testing::TestWithParam<std::pair<Container, const char*>> {};

TEST_P(OwnFormat, HoldsTheSameTensorsAsAnMlxFolder) {
  const TempFolder own;
  write_checkpoint(own.path(), own_options(GetParam().first));
  const TempFolder mlx;
  write_checkpoint(mlx.path(), own_options(Container::npz));
  const Checkpoint found = Checkpoint::open(own.path());
  const Checkpoint expected = Checkpoint::open(mlx.path());
  EXPECT_EQ(found.format(), GetParam().second);
  EXPECT_EQ(found.config_name(), "params.json");
  EXPECT_TRUE(found.config().warnings.empty());
  ASSERT_EQ(found.tensors().size(), expected.tensors().size());
  for (const TensorView& tensor : expected.tensors()) {
    const TensorView* same = found.find(tensor.name);
    ASSERT_NE(same, nullptr) << tensor.name;
    EXPECT_EQ(same->dtype, tensor.dtype);
    EXPECT_EQ(same->shape, tensor.shape);
    EXPECT_TRUE(std::equal(same->bytes.begin(), same->bytes.end(), tensor.bytes.begin(), tensor.bytes.end()))
        << tensor.name;
  }
  EXPECT_EQ(load_weights(found).rope_layout, RopeLayout::interleaved);
}

INSTANTIATE_TEST_SUITE_P(All, OwnFormat,
                         ::testing::Values(std::pair{Container::pth, "pth"},
                                           std::pair{Container::consolidated, "safetensors"},
                                           std::pair{Container::consolidated_shards, "safetensors"}));

class OwnFolder : public ::testing::Test {
 protected:
  void write(Container container) { write_checkpoint(folder_.path(), own_options(container)); }
  std::string error() const {
    return error_of([&] { load_weights(Checkpoint::open(folder_.path())); });
  }
  void change_params(const std::string& from, const std::string& to) {
    std::string text = read_file(folder_ / "params.json");
    write_file(folder_ / "params.json", text.replace(text.find(from), from.size(), to));
  }
  TempFolder folder_;
};

TEST_F(OwnFolder, ShardsWithoutAnIndexAreFound) {
  write(Container::consolidated_shards);
  std::filesystem::remove(folder_ / "consolidated.safetensors.index.json");
  EXPECT_NO_THROW(load_weights(Checkpoint::open(folder_.path())));
}

TEST_F(OwnFolder, AnIndexThatLiesIsRefusedByItsName) {
  write(Container::consolidated_shards);
  const auto path = folder_ / "consolidated.safetensors.index.json";
  std::string index = read_file(path);
  write_file(path, index.replace(index.find("norm.weight"), 4, "nrom"));
  EXPECT_TRUE(contains(error(), "consolidated.safetensors.index.json: tensor "));
}

TEST_F(OwnFolder, BesideOtherWeightsIsPassedOverWithAWarning) {
  write(Container::consolidated);
  write(Container::safetensors);
  write(Container::pth);
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_EQ(checkpoint.config_name(), "config.json");
  ASSERT_EQ(checkpoint.config().warnings.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.config().warnings[0],
                       "using 'model.safetensors', not 'consolidated.00.pth, consolidated.safetensors'"));
}

TEST_F(OwnFolder, WhatOnlyAConversionReadsIsRefusedWithAdvice) {
  write(Container::pth);
  std::filesystem::copy_file(folder_ / "consolidated.00.pth", folder_ / "consolidated.01.pth");
  EXPECT_TRUE(contains(error(),
                       ": 2 shards (consolidated.00.pth, ...) cannot run as they are: `tramontane "
                       "convert` makes a folder that can"));
  std::filesystem::remove(folder_ / "consolidated.01.pth");
  EXPECT_NO_THROW(load_weights(Checkpoint::open(folder_.path())));
  change_params(R"("model_type")", R"("quantization": {"qformat_weight": "fp8_e4m3"}, "model_type")");
  EXPECT_TRUE(
      contains(error(), "params.json: weights in fp8 (key 'quantization.qformat_weight') cannot run"));
}

TEST_F(OwnFolder, ErrorsNameParamsJson) {
  write(Container::consolidated);
  change_params(R"("n_layers": 2)", R"("n_layers": 1)");
  EXPECT_TRUE(contains(error(), "not a part of the 1-layer dense model that params.json describes"));
  change_params(R"("dim": 64)", R"("dim": "x")");
  EXPECT_TRUE(contains(error(), "params.json: key 'dim': expected an integer"));
}

TEST_F(OwnFolder, ADamagedPthFileIsNamed) {
  write(Container::pth);
  std::filesystem::resize_file(folder_ / "consolidated.00.pth", 1000);
  EXPECT_TRUE(contains(error(), "consolidated.00.pth: expected a zip archive"));
}

}  // namespace
}  // namespace tramontane
