#include "checkpoint/checkpoint.h"

#include <map>

#include "checkpoint/support.h"
#include "core/mapped_file.h"

namespace tramontane {
namespace {

using synthetic::Container;
using synthetic::Names;
using synthetic::SyntheticOptions;
using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::TempFolder;
using testing::write_file;

SyntheticOptions bfloat16_options() {
  SyntheticOptions options = testing::small_options();
  options.scale_dtype = DType::bfloat16;
  options.seed = 7;
  return options;
}

std::string open_error(const std::filesystem::path& folder) {
  return error_of([&] { Checkpoint::open(folder); });
}

/// What the writer meant a tensor to hold.
std::string planned_bytes(const synthetic::PlannedTensor& tensor) {
  std::string bytes(tensor.header.bytes(), '\0');
  tensor.fill(0, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

class EveryFormat : public ::testing::TestWithParam<std::tuple<Container, Names>> {};

TEST_P(EveryFormat, GivesTheSameTensors) {
  SyntheticOptions options = bfloat16_options();
  std::tie(options.container, options.names) = GetParam();
  options.dtype = options.names == Names::mistral ? DType::float16 : DType::float32;
  const TempFolder folder;
  write_checkpoint(folder.path(), options);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  const auto plan = plan_tensors(options);
  ASSERT_EQ(checkpoint.tensors().size(), plan.size());
  for (const auto& planned : plan) {
    const TensorView* tensor = checkpoint.find(planned.header.name);
    ASSERT_NE(tensor, nullptr) << planned.header.name;
    EXPECT_EQ(tensor->dtype, planned.header.dtype);
    EXPECT_EQ(tensor->shape, planned.header.shape);
    const std::string found(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
    EXPECT_EQ(found, planned_bytes(planned)) << planned.header.name;
  }
  EXPECT_EQ(checkpoint.config().args.dim, 64);
  EXPECT_EQ(checkpoint.config().quantization.standard, options.quant);
  EXPECT_TRUE(checkpoint.config().warnings.empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, EveryFormat,
    ::testing::Combine(::testing::Values(Container::npz, Container::npz_deflated, Container::npz_zip64,
                                         Container::npz_shards, Container::safetensors,
                                         Container::safetensors_shards),
                       ::testing::Values(Names::mistral, Names::hugging_face, Names::hugging_face_nested)));

/// The process's mappings of files: views into them cost no memory of its own.
bool lies_in_mapping(const TensorView& tensor) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx", &begin, &end) != 2) continue;
    const auto at = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
    if (at >= begin && at + tensor.bytes.size() <= end) return line.find(tensor.file) != std::string::npos;
  }
  return false;
}

class InPlace : public ::testing::TestWithParam<Container> {};

TEST_P(InPlace, TensorsLieInTheMappedFileAtAnyAlignment) {
  SyntheticOptions options = bfloat16_options();
  options.container = GetParam();
  const TempFolder folder;
  write_checkpoint(folder.path(), options);
  const Checkpoint checkpoint = Checkpoint::open(folder.path());
  for (const TensorView& tensor : checkpoint.tensors()) EXPECT_TRUE(lies_in_mapping(tensor)) << tensor.name;
  const auto odd = [](const TensorView& tensor) {
    return reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % 2 != 0;
  };
  const auto tensors = checkpoint.tensors();
  if (GetParam() == Container::npz) {
    EXPECT_TRUE(std::any_of(tensors.begin(), tensors.end(), odd));
  }
}

INSTANTIATE_TEST_SUITE_P(All, InPlace,
                         ::testing::Values(Container::npz, Container::npz_zip64, Container::npz_shards,
                                           Container::safetensors, Container::safetensors_shards));

TEST(Checkpoint, ReadsTheTrainedModel) {
  const Checkpoint checkpoint = Checkpoint::open(TEST_DATA "/stories260k");
  EXPECT_EQ(checkpoint.format(), "npz");
  EXPECT_EQ(checkpoint.tensors().size(), 48U);
  EXPECT_EQ(checkpoint.config().args.hidden_dim, 172);
  const TensorView* norm = checkpoint.find("layers.4.ffn_norm.weight");
  ASSERT_NE(norm, nullptr);
  EXPECT_EQ(norm->dtype, DType::float32);
  EXPECT_EQ(norm->shape, (Shape{64}));
  EXPECT_TRUE(lies_in_mapping(*norm));
  EXPECT_EQ(checkpoint.find("layers.5.ffn_norm.weight"), nullptr);
}

TEST(Checkpoint, ViewsSurviveAMove) {
  Checkpoint first = Checkpoint::open(TEST_DATA "/stories260k");
  const auto* bytes = first.find("norm.weight")->bytes.data();
  const Checkpoint second = std::move(first);
  EXPECT_EQ(second.find("norm.weight")->bytes.data(), bytes);
}

TEST(FolderPath, ThatIsMissingOrAFileIsRefused) {
  const TempFolder folder;
  EXPECT_TRUE(contains(open_error(folder / "none"), "none: expected a checkpoint folder, found nothing"));
  write_file(folder / "file", "x");
  EXPECT_TRUE(contains(open_error(folder / "file"), "file: expected a checkpoint folder, found a file"));
  EXPECT_TRUE(contains(open_error(folder.path()), "config.json: cannot open"));
}

class Folder : public ::testing::Test {
 protected:
  void write(Container container) {
    SyntheticOptions options = bfloat16_options();
    options.container = container;
    write_checkpoint(folder_.path(), options);
  }
  void rename(const char* from, const char* to) { std::filesystem::rename(folder_ / from, folder_ / to); }
  void remove(const char* name) { std::filesystem::remove(folder_ / name); }
  std::string replace_in(const char* name, const std::string& from, const std::string& to) {
    std::string text = read_file(folder_ / name);
    text.replace(text.find(from), from.size(), to);
    write_file(folder_ / name, text);
    return open_error(folder_.path());
  }
  TempFolder folder_;
};

TEST_F(Folder, WithoutWeightsIsRefused) {
  write(Container::npz);
  remove("weights.npz");
  EXPECT_TRUE(contains(open_error(folder_.path()),
                       "expected weights (weights.npz, model.safetensors or shards of them), found none"));
}

TEST_F(Folder, WithAHugeConfigIsRefused) {
  write(Container::npz);
  write_file(folder_ / "config.json", std::string((4 << 20) + 1, ' '));
  EXPECT_TRUE(contains(open_error(folder_.path()), "config.json: expected at most 4.19 MB"));
}

TEST_F(Folder, WithADirectoryForWeightsIsRefused) {
  write(Container::npz);
  remove("weights.npz");
  std::filesystem::create_directory(folder_ / "weights.npz");
  EXPECT_TRUE(contains(open_error(folder_.path()), "weights.npz: expected a regular file"));
}

TEST_F(Folder, OtherNamesOfSafetensorsAreFound) {
  write(Container::safetensors);
  for (const char* name :
       {"weights.safetensors", "weights.00.safetensors", "model-00001-of-00001.safetensors"}) {
    TempFolder other;
    std::filesystem::copy_file(folder_ / "config.json", other / "config.json");
    std::filesystem::copy_file(folder_ / "model.safetensors", other / name);
    EXPECT_EQ(Checkpoint::open(other.path()).format(), "safetensors") << name;
  }
}

TEST_F(Folder, ShardsWithoutAnIndexAreFound) {
  write(Container::safetensors_shards);
  const std::size_t tensors = Checkpoint::open(folder_.path()).tensors().size();
  remove("model.safetensors.index.json");
  EXPECT_EQ(Checkpoint::open(folder_.path()).tensors().size(), tensors);
}

TEST_F(Folder, WithSeveralKindsSaysWhichItUses) {
  write(Container::npz);
  write(Container::safetensors);
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  EXPECT_EQ(checkpoint.format(), "safetensors");
  ASSERT_EQ(checkpoint.config().warnings.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.config().warnings[0], "using 'model.safetensors', not 'weights.npz'"));
}

TEST_F(Folder, AnIndexOfASingleFileIsNoSecondKind) {
  write(Container::safetensors);
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  std::string map;
  for (const TensorView& tensor : checkpoint.tensors()) {
    map += (map.empty() ? "\"" : ",\"") + tensor.name + R"(":"model.safetensors")";
  }
  write_file(folder_ / "model.safetensors.index.json", R"({"weight_map":{)" + map + "}}");
  EXPECT_TRUE(Checkpoint::open(folder_.path()).config().warnings.empty());
}

TEST_F(Folder, ATensorInTwoShardsIsRefused) {
  for (const auto& [container, from, to] :
       {std::tuple{Container::npz, "weights.npz", "weights.1.npz"},
        std::tuple{Container::safetensors, "model.safetensors", "model-1-of-2.safetensors"}}) {
    write(container);
    rename(from, to);
    std::string second = to;
    std::filesystem::copy_file(folder_ / second, folder_ / second.replace(second.find('1'), 1, "2"));
    EXPECT_TRUE(contains(open_error(folder_.path()), "is there twice: in '"));
  }
}

TEST_F(Folder, AnIndexThatLiesIsRefused) {
  write(Container::safetensors_shards);
  constexpr const char* kIndex = "model.safetensors.index.json";
  const std::string good = read_file(folder_ / kIndex);
  EXPECT_TRUE(contains(
      replace_in(kIndex, "tok_embeddings.weight\": \"model-00001", "tok_embeddings.weight\": \"model-00002"),
      "tensor 'tok_embeddings.weight': expected in 'model-00002-of-00002.safetensors', found in "
      "'model-00001"));
  write_file(folder_ / kIndex, good);
  EXPECT_TRUE(contains(
      replace_in(kIndex, "tok_embeddings.weight", "tok_embeddings.wait"),
      "tensor 'tok_embeddings.wait': expected in 'model-00001-of-00002.safetensors', found nowhere"));
  write_file(folder_ / kIndex, good);
  EXPECT_TRUE(contains(replace_in(kIndex, "model-00001", "../../del-1"), "expected the plain name"));
  write_file(folder_ / kIndex, good);
  remove("model-00002-of-00002.safetensors");
  EXPECT_TRUE(contains(open_error(folder_.path()), "model-00002-of-00002.safetensors: cannot open"));
}

TEST_F(Folder, VisionTensorsAreIgnoredWithOneWarning) {
  write(Container::safetensors);
  const std::string vision = safetensors_header(std::vector<TensorHeader>{
      {"vision_tower.a", DType::float32, {1}}, {"vision_tower.b", DType::float32, {1}}});
  rename("model.safetensors", "model-1-of-2.safetensors");
  write_file(folder_ / "model-2-of-2.safetensors", vision + std::string(8, '\0'));
  const Checkpoint checkpoint = Checkpoint::open(folder_.path());
  ASSERT_EQ(checkpoint.config().warnings.size(), 1U);
  EXPECT_TRUE(contains(checkpoint.config().warnings[0], "ignoring 2 tensors of the vision part"));
}

TEST_F(Folder, CompressedMembersBeyondTheModelAreRefused) {
  write(Container::npz_deflated);
  const std::string zeros(64 << 20, '\0');  // far more than this model takes, in a few kilobytes
  write_file(folder_ / "weights.npz", testing::make_zip({{"bomb.npy", zeros}}, {.deflate = true}));
  EXPECT_TRUE(contains(open_error(folder_.path()), "zip member 'bomb.npy': expected at most"));
}

}  // namespace
}  // namespace tramontane
