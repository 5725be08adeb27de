#include "convert/gguf_source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "convert/gguf_config.h"
#include "support/error_of.h"
#include "support/gguf_writer.h"
#include "support/temp_folder.h"
#include "tramontane/tokenizer.h"

namespace tramontane {
namespace {

using testing::add_gguf_tensors;
using testing::error_of;
using testing::gguf_metadata;
using testing::GgufWriter;
using testing::TempFolder;

Source open_written(const TempFolder& folder, const GgufWriter& writer, const std::string& name = "x.gguf") {
  std::ofstream(folder / name, std::ios::binary) << writer.bytes();
  return open_gguf(folder / name);
}

/// What follows "FILE: " when these metadata stand before the tensors of a small model.
std::string refusal(const GgufWriter& metadata) {
  const TempFolder folder;
  GgufWriter writer = metadata;
  add_gguf_tensors(writer);
  const std::string error = error_of([&] { open_written(folder, writer); });
  const std::string start = (folder / "x.gguf").string() + ": ";
  EXPECT_TRUE(error.starts_with(start)) << error;
  return error.substr(std::min(start.size(), error.size()));
}

/// The configuration that these metadata make.
Config config_of(const GgufWriter& metadata) {
  const TempFolder folder;
  GgufWriter writer = metadata;
  add_gguf_tensors(writer);
  return open_written(folder, writer).config;
}

TEST(GgufSource, ReadsAModelThatTheGgufPackageWrote) {
  const Source source = open_gguf(std::filesystem::path(TEST_DATA) / "gguf/model.gguf");
  EXPECT_EQ(source.kind, "gguf");
  const ModelArgs& args = source.config.args;
  EXPECT_EQ(args.dim, 32);
  EXPECT_EQ(args.n_layers, 1);
  EXPECT_EQ(args.head_dim, 8);
  EXPECT_EQ(args.n_heads, 4);
  EXPECT_EQ(args.n_kv_heads, 2);
  EXPECT_EQ(args.hidden_dim, 64);
  EXPECT_EQ(args.vocab_size, 512);
  EXPECT_EQ(args.norm_eps, 1e-5F);
  EXPECT_EQ(args.max_position, 128);
  EXPECT_FALSE(args.tied_embeddings);
  EXPECT_EQ(source.parameters.size(), 12U);
  EXPECT_EQ(source.json["norm_eps"].dump(), "1e-05");
  EXPECT_EQ(source.warnings, std::vector<std::string>());
  EXPECT_EQ(Tokenizer::from_bytes(source.written_files.at("tokenizer.model"), "t").vocab_size(), 512);
}

/// The model's wq and wk hold row / 64 + col / 4096 in Hugging Face's layout, from which the converter
/// permutes them: row 2i of a head comes from row i, and row 2i + 1 from row i + head_dim / 2. So adjacent
/// rows are a pair of RoPE.
TEST(GgufSource, QueriesAndKeysAreStoredInAdjacentPairs) {
  const Source source = open_gguf(std::filesystem::path(TEST_DATA) / "gguf/model.gguf");
  const ModelArgs& args = source.config.args;
  EXPECT_EQ(args.rope_layout, RopeLayout::interleaved);
  for (const Role role : {Role::wq, Role::wk}) {
    const RowSource& rows = *source.parameters.at({role, 0, Part::weight});
    for (std::int64_t row = 0; row < rows.rows(); row++) {
      std::vector<float> values(32);
      rows.read(row, row + 1, values.data());
      const std::int64_t i = row % args.head_dim;
      const std::int64_t original = row - i + i / 2 + i % 2 * args.head_dim / 2;
      EXPECT_EQ(64 * values[0], static_cast<float>(original));
      EXPECT_EQ(64 * values[31], static_cast<float>(original) + 31.F / 64);
    }
  }
}

TEST(GgufSource, AMissingHeadIsTheEmbeddingAndDefaultsAreLlamas) {
  const TempFolder folder;
  GgufWriter writer = gguf_metadata();
  add_gguf_tensors(writer);
  const Source source = open_written(folder, writer);
  EXPECT_TRUE(source.config.args.tied_embeddings);
  EXPECT_EQ(source.config.args.vocab_size, 11);
  EXPECT_EQ(source.config.args.rope_theta, 10000);
  EXPECT_EQ(source.config.args.max_position, 0);
  ASSERT_EQ(source.warnings.size(), 1U);
  EXPECT_TRUE(
      source.warnings[0].ends_with("its tokenizer is missing, for which no file is written: add the model's "
                                   "tekken.json or tokenizer files"));
}

TEST(GgufSource, ReadsHeadSizesWindowAndTheta) {
  GgufWriter writer = gguf_metadata();
  writer.f32("llama.rope.freq_base", 1e6F).u32("llama.attention.sliding_window", 7);
  writer.u32("llama.attention.key_length", 8)
      .u32("llama.attention.value_length", 8)
      .u32("llama.context_length", 99);
  const Config config = config_of(writer);
  EXPECT_EQ(config.args.rope_theta, 1e6);
  EXPECT_EQ(config.args.sliding_window, std::vector<int>{7});
  EXPECT_EQ(config.args.max_position, 99);
}

TEST(GgufSource, ReadsYarnAndTheQueryTemperatureOfMistral3) {
  GgufWriter writer = gguf_metadata("mistral3");
  writer.string("mistral3.rope.scaling.type", "yarn").f32("mistral3.rope.scaling.factor", 16);
  writer.u32("mistral3.rope.scaling.original_context_length", 4096);
  writer.f32("mistral3.rope.scaling.yarn_beta_fast", 31).f32("mistral3.rope.scaling.yarn_beta_slow", 2);
  writer.f32("mistral3.attention.temperature_scale", 0.1F);
  const Config sharpened = config_of(writer);
  ASSERT_TRUE(sharpened.args.yarn && sharpened.args.query_temperature);
  EXPECT_EQ(sharpened.args.yarn->factor, 16);
  EXPECT_EQ(sharpened.args.yarn->original_max_position, 4096);
  EXPECT_EQ(sharpened.args.yarn->beta_fast, 31);
  EXPECT_EQ(sharpened.args.yarn->beta_slow, 2);
  EXPECT_NEAR(sharpened.args.yarn->attention_factor, 1 + 0.1 * std::log(16.0), 1e-12);
  EXPECT_EQ(sharpened.args.query_temperature->beta, 0.1);
  EXPECT_EQ(sharpened.args.query_temperature->original_max_position, 4096);
  writer.f32("mistral3.rope.scaling.yarn_log_multiplier", 1);
  EXPECT_EQ(config_of(writer).args.yarn->attention_factor, 1);
  writer = gguf_metadata();
  writer.string("llama.rope.scaling.type", "yarn").f32("llama.rope.scaling.factor", 16);
  EXPECT_EQ(refusal(writer),
            "key 'llama.rope.scaling.original_context_length': expected an integer in 1..2147483647, found "
            "nothing");
}

TEST(GgufSource, RefusesOtherModelsByTheirKeys) {
  EXPECT_EQ(refusal(gguf_metadata("qwen2")),
            "key 'general.architecture': expected 'llama' or 'mistral3', found 'qwen2'");
  EXPECT_EQ(refusal(gguf_metadata().u32("llama.expert_count", 8)),
            "key 'llama.expert_count': expected 0 (mixtures of experts are not supported), found 8");
  EXPECT_EQ(refusal(gguf_metadata().f32("llama.logit_scale", 2)),
            "key 'llama.logit_scale': expected 1 or nothing, found 2");
  EXPECT_EQ(refusal(gguf_metadata().f32("llama.rope.scaling.attn_factor", 2)),
            "key 'llama.rope.scaling.attn_factor': expected 1 or nothing, found 2");
  EXPECT_EQ(refusal(gguf_metadata().f32("llama.attention.scale", 0.5F)),
            "key 'llama.attention.scale': expected 0 or nothing, found 0.5");
  EXPECT_EQ(refusal(gguf_metadata().u32("llama.rope.dimension_count", 4)),
            "key 'llama.rope.dimension_count': expected 8, the size of a head, found 4");
  EXPECT_EQ(
      refusal(
          gguf_metadata().string("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 2)),
      "key 'llama.rope.scaling.type': expected 'yarn' (other kinds of RoPE scaling are not supported), found "
      "'linear'");
  EXPECT_EQ(refusal(gguf_metadata().u32("llama.attention.key_length", 16)),
            "tensor 'blk.0.attn_q.weight': expected [64, 32], as the configuration says, found [32, 32]");
  EXPECT_EQ(refusal(gguf_metadata().u32("llama.vocab_size", 12)),
            "tensor 'token_embd.weight': expected [12, 32], as the configuration says, found [11, 32]");
  GgufWriter three;
  three.string("general.architecture", "llama").u32("llama.embedding_length", 32).u32("llama.block_count", 1);
  three.u32("llama.feed_forward_length", 64).u32("llama.attention.head_count", 4);
  EXPECT_EQ(
      refusal(three.u32("llama.attention.head_count_kv", 3)),
      "key 'llama.attention.head_count_kv': expected a divisor of llama.attention.head_count = 4, found 3");
  EXPECT_EQ(refusal(GgufWriter()), "key 'general.architecture': expected a string, found nothing");
}

TEST(GgufSource, RefusesTensorsThatTheModelHasNoPlaceFor) {
  const auto refusal_with = [](const std::string& name, float value) {
    GgufWriter writer = gguf_metadata();
    writer.filled(name, {8}, value);
    return refusal(writer);
  };
  EXPECT_EQ(refusal_with("blk.0.attn_q.bias", 1),
            "tensor 'blk.0.attn_q.bias': not a part of a dense Mistral model");
  EXPECT_EQ(refusal_with("blk.00.attn_q.weight", 1),
            "tensor 'blk.00.attn_q.weight': not a part of a dense Mistral model");
  EXPECT_EQ(
      refusal_with("rope_freqs.weight", 2),
      "tensor 'rope_freqs.weight': expected ones, found other factors on RoPE's frequencies, which are not "
      "supported");
  EXPECT_EQ(
      refusal_with("blk.1.ffn_norm.weight", 1),
      "tensor 'blk.1.ffn_norm.weight': not a part of the 1-layer model that the configuration describes");
  const TempFolder folder;
  GgufWriter writer = gguf_metadata("llama", 2);
  add_gguf_tensors(writer, 1);
  EXPECT_TRUE(error_of([&] { open_written(folder, writer); }).find("missing") != std::string::npos);
}

/// A model of two layers, one in each part.
void write_parts(const TempFolder& folder, std::uint32_t second_number, std::uint32_t total) {
  GgufWriter first = gguf_metadata("llama", 2);
  first.u32("split.no", 0).u32("split.count", 2).u32("split.tensors.count", total);
  add_gguf_tensors(first, 1);
  GgufWriter both;
  add_gguf_tensors(both, 2);
  GgufWriter second;
  second.u32("split.no", second_number).u32("split.count", 2);
  for (const auto& tensor : both.tensors) {
    if (tensor.name.starts_with("blk.1.")) second.filled(tensor.name, tensor.sizes, 8);
  }
  std::ofstream(folder / "m-00001-of-00002.gguf", std::ios::binary) << first.bytes();
  std::ofstream(folder / "m-00002-of-00002.gguf", std::ios::binary) << second.bytes();
}

TEST(GgufSource, ReadsAModelInParts) {
  const TempFolder folder;
  write_parts(folder, 1, 20);
  const Source source = open_gguf(folder / "m-00001-of-00002.gguf");
  EXPECT_EQ(source.parameters.size(), 20U);
  std::vector<float> row(32);
  source.parameters.at({Role::wq, 1, Part::weight})->read(31, 32, row.data());
  EXPECT_EQ(row[31], 8);
}

TEST(GgufSource, IsFoundInAFolder) {
  const TempFolder folder;
  EXPECT_EQ(find_gguf(folder.path()), "");
  write_parts(folder, 1, 20);
  std::ofstream(folder / "mmproj-f16.gguf") << "x";
  EXPECT_EQ(find_gguf(folder.path()), folder / "m-00001-of-00002.gguf");
  EXPECT_EQ(open_source(folder.path()).kind, "gguf");
  std::ofstream(folder / "other.gguf") << "x";
  EXPECT_EQ(
      error_of([&] { open_source(folder.path()); }),
      folder.path().string() +
          ": expected one GGUF model, found several: name 'm-00001-of-00002.gguf' or another one of them");
  std::filesystem::remove(folder / "other.gguf");
  std::ofstream(folder / "config.json") << "{}";
  EXPECT_EQ(open_source(folder.path()).kind, "gguf");
  std::ofstream(folder / "weights.npz") << "x";
  EXPECT_NE(error_of([&] { open_source(folder.path()); }).find("config.json"), std::string::npos);
}

TEST(GgufSource, RefusesPartsThatDoNotBelongTogether) {
  const TempFolder folder;
  const auto path = [&](const char* name) { return (folder / name).string(); };
  write_parts(folder, 1, 20);
  EXPECT_EQ(error_of([&] { open_gguf(folder / "m-00002-of-00002.gguf"); }),
            path("m-00002-of-00002.gguf") +
                ": expected the name of the first of 2 parts, which ends in '-00001-of-00002.gguf'");
  write_parts(folder, 0, 20);
  EXPECT_EQ(error_of([&] { open_gguf(folder / "m-00001-of-00002.gguf"); }),
            path("m-00002-of-00002.gguf") + ": key 'split.no': expected 1, found 0");
  write_parts(folder, 1, 21);
  EXPECT_EQ(error_of([&] { open_gguf(folder / "m-00001-of-00002.gguf"); }),
            path("m-00001-of-00002.gguf") +
                ": key 'split.tensors.count': expected 20, as the parts have, found 21");
  std::filesystem::remove(folder / "m-00002-of-00002.gguf");
  EXPECT_EQ(error_of([&] { open_gguf(folder / "m-00001-of-00002.gguf"); }),
            path("m-00002-of-00002.gguf") + ": cannot open: No such file or directory");
}

TEST(GgufConfig, WarnsOfTheWindowThatMistral7BLost) {
  GgufWriter writer;
  writer.string("general.architecture", "llama")
      .u32("llama.embedding_length", 4096)
      .u32("llama.block_count", 32);
  writer.u32("llama.attention.head_count", 32).u32("llama.attention.head_count_kv", 8);
  writer.u32("llama.feed_forward_length", 14336).f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  const auto warnings_of = [](const GgufWriter& metadata) {
    const std::string bytes = metadata.bytes();
    const std::string file = "x.gguf";
    const Gguf gguf = read_gguf(std::as_bytes(std::span(bytes)), file);
    std::vector<std::string> warnings;
    gguf_config(GgufFields(gguf, file), 32000, false, warnings);
    return warnings;
  };
  EXPECT_EQ(warnings_of(writer),
            (std::vector<std::string>{
                "x.gguf: no sliding window is recorded; Mistral 7B v0.1, which this seems to be, has "
                "one of 4096 tokens"}));
  writer.f32("llama.rope.freq_base", 1e6F);
  EXPECT_EQ(warnings_of(writer), std::vector<std::string>());
}

}  // namespace
}  // namespace tramontane
