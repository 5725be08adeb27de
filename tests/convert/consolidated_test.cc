#include "convert/consolidated.h"

#include <cstring>

#include "checkpoint/support.h"
#include "core/float16.h"
#include "synthetic/pth_pickle.h"
#include "tramontane/convert.h"

namespace tramontane {
namespace {

using synthetic::Container;
using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::TempFolder;
using testing::write_file;

synthetic::SyntheticOptions options_of(Container container, DType dtype = DType::bfloat16) {
  synthetic::SyntheticOptions options;
  options.args = testing::small_args();
  options.args.vocab_size = 12;
  options.dtype = dtype;
  options.container = container;
  return options;
}

std::vector<float> values_of(const RowSource& rows) {
  std::vector<float> values(static_cast<std::size_t>(rows.rows() * rows.cols()));
  rows.read(0, rows.rows(), values.data());
  return values;
}

/// A tensor with its bytes.
struct Whole {
  TensorHeader header;
  std::string bytes;
};

std::vector<Whole> tensors_of(const synthetic::SyntheticOptions& options) {
  std::vector<Whole> tensors;
  for (const synthetic::PlannedTensor& planned : plan_tensors(options)) {
    Whole& whole = tensors.emplace_back(Whole{planned.header, std::string(planned.header.bytes(), '\0')});
    planned.fill(0, std::as_writable_bytes(std::span(whole.bytes)));
  }
  return tensors;
}

enum class Axis { none, rows, columns };

/// How model-parallel training shares the parameters out.
Axis axis_of(const std::string& name, Axis embeddings) {
  if (name.find("norm") != std::string::npos) return Axis::none;
  if (name.starts_with("tok_embeddings")) return embeddings;
  const bool writes = name.find("wo.") != std::string::npos || name.find("w2.") != std::string::npos;
  return writes ? Axis::columns : Axis::rows;
}

/// Piece `n` of `count` along the axis.
Whole cut(const Whole& whole, Axis axis, std::size_t n, std::size_t count) {
  if (axis == Axis::none) return whole;
  Whole piece{whole.header, ""};
  const std::size_t dimension = axis == Axis::rows ? 0 : 1;
  piece.header.shape[dimension] /= static_cast<std::int64_t>(count);
  const auto rows = static_cast<std::size_t>(whole.header.shape[0]);
  const std::size_t row_bytes = whole.bytes.size() / rows;
  if (axis == Axis::rows) {
    piece.bytes = whole.bytes.substr(n * whole.bytes.size() / count, whole.bytes.size() / count);
  } else {
    for (std::size_t row = 0; row < rows; row++) {
      piece.bytes += whole.bytes.substr(row * row_bytes + n * row_bytes / count, row_bytes / count);
    }
  }
  return piece;
}

std::string pth_of(const std::vector<Whole>& tensors) {
  std::vector<TensorHeader> headers;
  std::vector<std::pair<std::string, std::string>> members;
  for (const Whole& tensor : tensors) {
    members.emplace_back("consolidated/data/" + std::to_string(headers.size()), tensor.bytes);
    headers.push_back(tensor.header);
  }
  members.emplace_back("consolidated/data.pkl", synthetic::state_dict_pickle(headers));
  return testing::make_zip(members);
}

/// A folder of model-parallel shards of what options_of(pth) writes.
class Shards : public ::testing::Test {
 protected:
  void SetUp() override {
    write_checkpoint(folder_.path(), options_of(Container::pth));
    whole_ = tensors_of(options_of(Container::pth));
  }
  void write(std::size_t count, Axis embeddings = Axis::columns) {
    for (std::size_t n = 0; n < count; n++) {
      std::vector<Whole> pieces;
      for (const Whole& whole : whole_) {
        pieces.push_back(cut(whole, axis_of(whole.header.name, embeddings), n, count));
        if (change_) change_(n, pieces.back());
      }
      write_file(folder_ / ("consolidated.0" + std::to_string(n) + ".pth"), pth_of(pieces));
    }
  }
  std::string error(std::size_t count) {
    write(count);
    return error_of([&] { open_source(folder_.path()); });
  }
  TempFolder folder_;
  std::vector<Whole> whole_;
  std::function<void(std::size_t, Whole&)> change_;  // of what is written
};

TEST_F(Shards, AreMergedByTheAxisThatTheShapesTell) {
  const TempFolder single;
  write_checkpoint(single.path(), options_of(Container::pth));
  const Source expected = open_source(single.path());
  for (const std::size_t count : {1U, 2U, 4U}) {
    for (const Axis embeddings : {Axis::rows, Axis::columns}) {
      write(count, embeddings);
      const Source source = open_source(folder_.path());
      check_parameters(source, "folder");
      EXPECT_EQ(source.kind, "consolidated.pth");
      EXPECT_EQ(source.json["dim"], 64);
      ASSERT_EQ(source.parameters.size(), expected.parameters.size());
      for (const auto& [place, rows] : expected.parameters) {
        EXPECT_EQ(values_of(*source.parameters.at(place)), values_of(*rows)) << rows->label();
        EXPECT_EQ(source.parameters.at(place)->dtype(), DType::bfloat16);
      }
    }
  }
}

TEST_F(Shards, PiecesThatFitNeitherWayAreRefused) {
  change_ = [](std::size_t n, Whole& piece) {
    if (n == 1 && piece.header.name == "tok_embeddings.weight") piece = cut(piece, Axis::columns, 0, 2);
  };
  EXPECT_TRUE(
      contains(error(2),
               "consolidated.00.pth: tensor 'tok_embeddings.weight': expected pieces that make [12, 64] by "
               "rows or by columns, as params.json says, found [12, 32] and [12, 16]"));
}

TEST_F(Shards, AMissingShardIsSeenByTheShapes) {
  write(2);
  std::filesystem::remove(folder_ / "consolidated.01.pth");
  EXPECT_TRUE(
      contains(error_of([&] { open_source(folder_.path()); }),
               "consolidated.00.pth: tensor 'tok_embeddings.weight': expected [12, 64], as params.json says, "
               "found [12, 32]"));
}

TEST_F(Shards, NormsThatDifferAreRefused) {
  change_ = [](std::size_t n, Whole& piece) {
    if (n == 1 && piece.header.name == "layers.1.ffn_norm.weight") piece.bytes[3] ^= 1;
  };
  EXPECT_TRUE(contains(
      error(2), "consolidated.01.pth: tensor 'layers.1.ffn_norm.weight': expected a copy of the one in"));
}

TEST_F(Shards, ATensorThatOneLacksIsRefused) {
  change_ = [](std::size_t n, Whole& piece) {
    if (n == 1 && piece.header.name == "output.weight") piece.header.name = "rope.freqs";
  };
  EXPECT_TRUE(
      contains(error(2), "tensor 'output.weight': expected it once in each of 2 files, found it 1 times"));
}

TEST_F(Shards, TypesThatDifferAreRefused) {
  change_ = [](std::size_t n, Whole& piece) {
    if (n == 1 && piece.header.name == "layers.0.attention.wo.weight") piece.header.dtype = DType::float16;
  };
  EXPECT_TRUE(
      contains(error(2),
               "consolidated.01.pth: tensor 'layers.0.attention.wo.weight': expected bfloat16 in every "
               "file, found float16"));
}

TEST_F(Shards, MakeTheVerySameMlxFolderAsOneFile) {
  const TempFolder targets;
  const auto converted = [&](const char* name) {
    convert({.from = folder_.path(), .to = targets / name, .quantize = true, .group_size = 32});
    return read_file(targets / name / "weights.npz");
  };
  const std::string expected = converted("one");
  write(4);
  EXPECT_EQ(converted("four"), expected);
  EXPECT_GT(expected.size(), 10'000U);
}

/// A folder with consolidated.safetensors.
class Own : public ::testing::Test {
 protected:
  void write(const std::vector<Whole>& tensors) {
    write_checkpoint(folder_.path(), options_of(Container::consolidated));
    std::vector<TensorHeader> headers;
    std::string data;
    for (const Whole& tensor : tensors) {
      headers.push_back(tensor.header);
      data += tensor.bytes;
    }
    std::string header = safetensors_header(headers);
    // uint8 stands for fp8, which our own writer has no use for.
    for (std::size_t at = 0; (at = header.find("\"U8\"", at)) != std::string::npos;)
      header.replace(at, 4, "\"F8_E4M3\"");
    header = testing::with_integer(header, 0, header.size() - 8, 8);
    write_file(folder_ / "consolidated.safetensors", header + data);
  }
  std::string error() const {
    return error_of([&] { open_source(folder_.path()); });
  }
  TempFolder folder_;
};

TEST_F(Own, WholeOrInShardsIsTheSame) {
  write(tensors_of(options_of(Container::consolidated)));
  const TempFolder shards;
  write_checkpoint(shards.path(), options_of(Container::consolidated_shards));
  const Source first = open_source(folder_.path());
  const Source second = open_source(shards.path());
  EXPECT_EQ(first.kind, "consolidated.safetensors");
  EXPECT_EQ(first.config.args.rope_layout, RopeLayout::interleaved);
  ASSERT_EQ(first.parameters.size(), second.parameters.size());
  for (const auto& [place, rows] : first.parameters)
    EXPECT_EQ(values_of(*rows), values_of(*second.parameters.at(place)));
}

/// wq as codes of fp8, with a scale of 1/2.
std::vector<Whole> with_float8(bool scale = true) {
  std::vector<Whole> tensors = tensors_of(options_of(Container::consolidated));
  for (Whole& tensor : tensors) {
    if (tensor.header.name != "layers.0.attention.wq.weight") continue;
    tensor.header.dtype = DType::uint8;
    tensor.bytes.resize(tensor.bytes.size() / 2);
    for (std::size_t i = 0; i < tensor.bytes.size(); i++) tensor.bytes[i] = static_cast<char>(i % 100);
  }
  const std::string half("\x00\x3f", 2);
  if (scale) tensors.push_back({{"layers.0.attention.wq.qscale_weight", DType::bfloat16, {}}, half});
  tensors.push_back({{"layers.0.attention.wq.qscale_act", DType::bfloat16, {}}, half});
  tensors.push_back({{"layers.0.attention.kv_fake_quantizer.qscale_act", DType::bfloat16, {}}, half});
  return tensors;
}

TEST_F(Own, Float8IsItsCodesTimesTheScale) {
  write(with_float8());
  const Source source = open_source(folder_.path());
  const auto values = values_of(*source.parameters.at({Role::wq, 0}));
  EXPECT_EQ(values.at(0x38), 0.5F);
  EXPECT_EQ(values.at(0x40), 1.0F);
  EXPECT_EQ(values.at(100), 0.0F);
}

TEST_F(Own, Float8WithoutItsScaleOrAScaleWithoutFloat8IsRefused) {
  write(with_float8(false));
  EXPECT_TRUE(contains(
      error(), "tensor 'layers.0.attention.wq.weight': expected a qscale_weight beside it, found none"));
  for (const std::string module : {"output", "norm"}) {
    auto tensors = tensors_of(options_of(Container::consolidated));
    tensors.push_back({{module + ".qscale_weight", DType::float32, {}}, std::string(4, '\0')});
    write(tensors);
    EXPECT_TRUE(contains(error(), "tensor '" + module +
                                      ".qscale_weight': expected its weight as F8_E4M3, found another type"));
  }
}

TEST_F(Own, UnknownAndMissingTensorsAreRefusedByName) {
  auto tensors = tensors_of(options_of(Container::consolidated));
  tensors.push_back({{"layers.0.attention.wq.lora", DType::float32, {1}}, std::string(4, '\0')});
  write(tensors);
  EXPECT_TRUE(contains(
      error(), "'layers.0.attention.wq.lora': not a part of the 2-layer dense model that params.json"));
  tensors.back().header.name = "layers.2.attention.wq.weight";
  write(tensors);
  EXPECT_TRUE(contains(error(), "'layers.2.attention.wq.weight': not a part of"));
  tensors.back().header.name = "model.layers.0.self_attn.q_proj.weight";
  write(tensors);
  EXPECT_TRUE(contains(error(), "q_proj.weight': not a part of"));
  tensors.pop_back();
  tensors.pop_back();
  write(tensors);
  EXPECT_TRUE(contains(error(), "tensor 'output.weight': missing"));
}

TEST_F(Own, WrongShapesAreRefusedByName) {
  auto tensors = tensors_of(options_of(Container::consolidated));
  for (Whole& tensor : tensors) {
    if (tensor.header.name == "layers.1.feed_forward.w2.weight") tensor.header.shape = {96, 64};
  }
  write(tensors);
  EXPECT_TRUE(
      contains(error(),
               "consolidated.safetensors: tensor 'layers.1.feed_forward.w2.weight': expected [64, 96], "
               "as params.json says, found [96, 64]"));
}

TEST_F(Own, WhatIsNotTextIsIgnored) {
  auto tensors = tensors_of(options_of(Container::consolidated));
  tensors.push_back({{"vision_encoder.patch_conv.weight", DType::float32, {1}}, std::string(4, '\0')});
  tensors.push_back({{"vision_encoder.x.qscale_weight", DType::float32, {1}}, std::string(4, '\0')});
  tensors.push_back({{"rope.freqs", DType::float32, {1}}, std::string(4, '\0')});
  write(tensors);
  const Source source = open_source(folder_.path());
  ASSERT_EQ(source.warnings.size(), 1U);
  EXPECT_TRUE(contains(source.warnings[0], "ignoring 2 tensors of the vision part"));
}

TEST_F(Own, AVersionedTokenizerGetsItsPlainNameToo) {
  write(tensors_of(options_of(Container::consolidated)));
  write_file(folder_ / "tokenizer.model.v3", "three");
  const Source source = open_source(folder_.path());
  ASSERT_EQ(source.copied_files.size(), 1U);
  EXPECT_EQ(source.written_files.at("tokenizer.model"), "three");
  write_file(folder_ / "tokenizer.model", "plain");
  EXPECT_TRUE(open_source(folder_.path()).written_files.empty());
}

TEST_F(Own, OtherWeightsBesideItCount) {
  write(tensors_of(options_of(Container::consolidated)));
  write_checkpoint(folder_.path(), options_of(Container::safetensors));
  EXPECT_EQ(open_source(folder_.path()).kind, "safetensors");
}

}  // namespace
}  // namespace tramontane
