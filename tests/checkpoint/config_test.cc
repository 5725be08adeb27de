#include "checkpoint/config.h"

#include "checkpoint/support.h"

namespace tramontane {
namespace {

using testing::contains;
using testing::error_of;

// Both describe the same model, with every optional key left out.
constexpr const char* kMistral =
    R"("dim": 64, "n_layers": 2, "head_dim": 16, "hidden_dim": 96, "n_heads": 4, "n_kv_heads": 2, "norm_eps": 1e-5,
       "vocab_size": 11, "rope_theta": 10000.0)";
constexpr const char* kHuggingFace =
    R"("hidden_size": 64, "num_hidden_layers": 2, "intermediate_size": 96, "num_attention_heads": 4,
       "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "vocab_size": 11, "rope_theta": 10000.0)";

Config parse(const std::string& text) { return parse_config(text, "config.json"); }
std::string object(const std::string& base, const std::string& more = "") {
  return "{" + base + (more.empty() ? "" : ", " + more) + "}";
}
Config mistral(const std::string& more = "") { return parse(object(kMistral, more)); }
Config hugging_face(const std::string& more = "") { return parse(object(kHuggingFace, more)); }

/// `base` with the value of `key` replaced; an empty value takes the key out.
std::string replaced(std::string base, const std::string& key, const std::string& value) {
  const std::size_t at = base.find("\"" + key + "\"");
  const std::size_t end = std::min(base.find(',', at), base.size());
  if (!value.empty()) return object(base.replace(at, end - at, "\"" + key + "\": " + value));
  return object(base.replace(at, end - at, "\"unused\": 0"));
}

void expect_base(const Config& config) {
  const ModelArgs& args = config.args;
  EXPECT_EQ(args.dim, 64);
  EXPECT_EQ(args.n_layers, 2);
  EXPECT_EQ(args.head_dim, 16);
  EXPECT_EQ(args.hidden_dim, 96);
  EXPECT_EQ(args.n_heads, 4);
  EXPECT_EQ(args.n_kv_heads, 2);
  EXPECT_EQ(args.vocab_size, 11);
  EXPECT_EQ(args.norm_eps, 1e-5F);
  EXPECT_EQ(args.rope_theta, 1e4);
  EXPECT_TRUE(config.rope_theta_given);
  EXPECT_EQ(args.sliding_window, (std::vector{0, 0}));
  EXPECT_FALSE(args.tied_embeddings);
  EXPECT_EQ(args.max_position, 0);
  EXPECT_FALSE(args.yarn || args.query_temperature || config.quantization.standard);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Config, BothDialectsAreUnderstood) {
  expect_base(mistral());
  expect_base(hugging_face());
  expect_base(parse(R"({"model_type": "mistral3", "text_config": )" + object(kHuggingFace) + "}"));
}

TEST(Config, OptionalKeysOfEitherDialect) {
  EXPECT_TRUE(mistral(R"("tied_embeddings": true)").args.tied_embeddings);
  EXPECT_TRUE(hugging_face(R"("tie_word_embeddings": true)").args.tied_embeddings);
  EXPECT_TRUE(hugging_face(R"("model_type": "ministral3")").args.tied_embeddings);
  EXPECT_FALSE(
      hugging_face(R"("model_type": "ministral3", "tie_word_embeddings": false)").args.tied_embeddings);
  EXPECT_EQ(mistral(R"("max_seq_len": 32768)").args.max_position, 32768);
  EXPECT_EQ(hugging_face(R"("max_position_embeddings": 1024000)").args.max_position, 1024000);
  EXPECT_EQ(hugging_face(R"("head_dim": 128)").args.head_dim, 128);
  EXPECT_EQ(hugging_face(R"("head_dim": null)").args.head_dim, 16);
  EXPECT_EQ(parse(replaced(kHuggingFace, "num_key_value_heads", "")).args.n_kv_heads, 4);
}

TEST(Config, AMissingThetaIsTenThousandAndSaidSo) {
  const Config config = parse(replaced(kMistral, "rope_theta", ""));
  EXPECT_EQ(config.args.rope_theta, 1e4);
  EXPECT_FALSE(config.rope_theta_given);
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_TRUE(contains(config.warnings[0], "'rope_theta' is missing: using 10000"));
}

TEST(Config, AStrayWindowIsUsedAndSaidSo) {
  const Config config =
      parse(replaced(std::string(kMistral) + R"(, "sliding_window": 4096)", "rope_theta", "1e6"));
  EXPECT_EQ(config.args.sliding_window, (std::vector{4096, 4096}));
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_TRUE(contains(config.warnings[0], "using a sliding window of 4096 tokens with rope_theta 1000000"));
  EXPECT_TRUE(contains(config.warnings[0], "--sliding-window 0"));
}

// A required size: whatever is wrong with it is told by name.
class Size : public ::testing::TestWithParam<const char*> {};

TEST_P(Size, ThatIsWrongIsRefusedByName) {
  const std::string key = GetParam();
  const std::string base =
      std::string(kMistral).find("\"" + key + "\"") != std::string::npos ? kMistral : kHuggingFace;
  for (const char* value :
       {"0", "-4", "4.0", "\"x\"", "[4]", "{}", "true", "2147483648", "9223372036854775808", "1e30"}) {
    const std::string message = error_of([&] { parse(replaced(base, key, value)); });
    EXPECT_TRUE(contains(message, "config.json: key '" + key + "': expected an integer in 1..")) << value;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Size,
                         ::testing::Values("dim", "n_layers", "head_dim", "hidden_dim", "n_heads",
                                           "n_kv_heads", "vocab_size", "hidden_size", "num_hidden_layers",
                                           "intermediate_size", "num_attention_heads",
                                           "num_key_value_heads"));

struct Wrong {
  std::string text;
  const char* message;
};

class WrongConfig : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongConfig, IsRefusedByName) {
  EXPECT_TRUE(contains(error_of([&] { parse(GetParam().text); }), GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, WrongConfig,
    ::testing::Values(
        Wrong{replaced(kMistral, "dim", ""),
              "config.json: key 'dim': expected an integer in 1..1048576, found nothing"},
        Wrong{replaced(kMistral, "n_heads", "\"x\""),
              "config.json: key 'n_heads': expected an integer in 1..65536, found 'x'"},
        Wrong{replaced(kMistral, "n_heads", "null"),
              "key 'n_heads': expected an integer in 1..65536, found nothing"},
        Wrong{replaced(kMistral, "head_dim", ""),
              "key 'head_dim': expected an integer in 1..65536, found nothing"},
        Wrong{replaced(kMistral, "head_dim", "15"),
              "key 'head_dim': expected an even number (it is 15), found 15"},
        Wrong{replaced(kMistral, "n_kv_heads", "3"),
              "key 'n_kv_heads': expected a divisor of n_heads = 4, found 3"},
        Wrong{replaced(kMistral, "n_kv_heads", "8"),
              "key 'n_kv_heads': expected a divisor of n_heads = 4, found 8"},
        Wrong{replaced(kMistral, "norm_eps", "0"), "key 'norm_eps': expected a number in 1e-30..1"},
        Wrong{replaced(kMistral, "norm_eps", "-1e-5"), "key 'norm_eps'"},
        Wrong{replaced(kMistral, "norm_eps", "\"1e-5\""), "key 'norm_eps'"},
        Wrong{replaced(kMistral, "norm_eps", ""),
              "key 'norm_eps': expected a number in 1e-30..1, found nothing"},
        Wrong{replaced(kMistral, "norm_eps", "NaN"), "syntax error at byte 104: 'NaN"},
        Wrong{replaced(kMistral, "norm_eps", "1e999"), "a number too large"},
        Wrong{replaced(kMistral, "rope_theta", "0"), "key 'rope_theta': expected a number in 1.001.."},
        Wrong{replaced(kMistral, "rope_theta", "-1e4"), "key 'rope_theta'"},
        Wrong{replaced(kMistral, "rope_theta", "1"), "key 'rope_theta'"},
        Wrong{replaced(kMistral, "rope_theta", "\"1e4\""), "key 'rope_theta'"},
        Wrong{replaced(kHuggingFace, "num_attention_heads", "6"),
              "key 'head_dim': expected one, as hidden_size = 64"},
        Wrong{object(kMistral, R"("max_position_embeddings": 0)"), "key 'max_position_embeddings'"},
        Wrong{object(kMistral, R"("tied_embeddings": 1)"),
              "key 'tied_embeddings': expected true or false, found 1"},
        Wrong{object(kMistral, R"("hidden_size": 64)"),
              "key 'hidden_size': expected nothing beside the key 'dim'"},
        Wrong{R"({"text_config": 3})", "key 'text_config': expected an object, found 3"},
        Wrong{R"({"text_config": {"dim": "x"}})", "key 'text_config.dim': expected"}));

INSTANTIATE_TEST_SUITE_P(
    Architectures, WrongConfig,
    ::testing::Values(
        Wrong{object(kHuggingFace, R"("model_type": "llama")"),
              "key 'model_type': expected one of mistral, "},
        Wrong{object(kMistral, R"("model_type": 3)"), "key 'model_type': expected a string, found 3"},
        Wrong{R"({"model_type": "llava", "text_config": {}})", "key 'model_type': expected one of mistral3"},
        Wrong{object(kMistral, R"("moe": {"num_experts": 8})"), "key 'moe': expected a dense model"},
        Wrong{object(kHuggingFace, R"("num_local_experts": 8)"),
              "key 'num_local_experts': expected a dense model"},
        Wrong{object(kHuggingFace, R"("kv_lora_rank": 512)"), "key 'kv_lora_rank': expected plain attention"},
        Wrong{object(kHuggingFace, R"("attention_bias": true)"), "key 'attention_bias': expected false"},
        Wrong{object(kHuggingFace, R"("hidden_act": "gelu")"),
              "key 'hidden_act': expected 'silu', found 'gelu'"}));

INSTANTIATE_TEST_SUITE_P(
    Json, WrongConfig,
    ::testing::Values(Wrong{"", "syntax error at byte 0"}, Wrong{"[]", "expected an object, found an array"},
                      Wrong{"null", "expected an object, found null"},
                      Wrong{"{} x", "syntax error at byte 3"},
                      Wrong{object(kMistral, R"("dim": 64)"), "key 'dim' is there twice"},
                      Wrong{object(kMistral, R"("x": {"y": 1, "y": 2})"), "key 'y' is there twice"},
                      Wrong{std::string(1'000'000, '['), "nested at most 32 deep"},
                      Wrong{R"({"a":)" + std::string(1'000'000, '['), "nested at most 32 deep"},
                      Wrong{"{\"\x1b[2J\":1,\"\x1b[2J\":1}", "syntax error"},
                      Wrong{R"({"\u001b[2J":1,"\u001b[2J":1})", "key '\\x1b[2J' is there twice"},
                      Wrong{"{\"\xff\":1}", "syntax error"}));

TEST(Config, HasSoManyValuesAtMost) {
  std::string values;
  for (int i = 0; i < 2'000'000; i++) values += "{},0,";
  EXPECT_NO_THROW(mistral(R"("x": [)" + values + "0]"));
  EXPECT_TRUE(
      contains(error_of([&] { mistral(R"("x": [)" + values + values + "0]"); }), "at most 5242880 values"));
}

INSTANTIATE_TEST_SUITE_P(
    Quantization, WrongConfig,
    ::testing::Values(
        Wrong{object(kMistral, R"("quantization": 4)"), "key 'quantization': expected an object, found 4"},
        Wrong{object(kMistral, R"("quantization": {"bits": 7, "group_size": 64})"),
              "key 'quantization.bits': expected one of 2, 3, 4, 5, 6, 8, found 7"},
        Wrong{object(kMistral, R"("quantization": {"bits": "4", "group_size": 64})"), "found '4'"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4.0, "group_size": 64})"), "found 4.0"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 16})"),
              "key 'quantization.group_size': expected one of 32, 64, 128, found 16"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": -64})"), "found -64"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 32, "mode": "mxfp6"})"),
              "key 'quantization.mode': expected one of affine, mxfp4, mxfp8, nvfp4, found 'mxfp6'"},
        Wrong{object(kMistral, R"("quantization": {"mode": 4})"),
              "key 'quantization.mode': expected a string"},
        Wrong{object(kMistral, R"("quantization": {"bits": 8, "group_size": 32, "mode": "mxfp4"})"),
              "key 'quantization.bits': expected 4 with mode 'mxfp4', found 8"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 32, "mode": "mxfp8"})"),
              "key 'quantization.bits': expected 8 with mode 'mxfp8', found 4"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 32, "mode": "nvfp4"})"),
              "key 'quantization.group_size': expected 16 with mode 'nvfp4', found 32"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 16.0, "mode": "nvfp4"})"),
              "found 16.0"},
        Wrong{object(kMistral, R"("quantization": {"output": {"group_size": 64, "mode": "mxfp4"}})"),
              "key 'quantization.output.group_size': expected 32 with mode 'mxfp4', found 64"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 32, "output": 3})"),
              "key 'quantization.output': expected the settings of a module, or true or false, found 3"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 32, "a\u0000b": {"bits": 9}})"),
              "key 'quantization.a\\x00b.bits': expected one of"},
        Wrong{object(kMistral, R"("quantization": {"bits": 4, "group_size": 32, "output": {"bits": 9}})"),
              "key 'quantization.output.bits': expected one of"},
        Wrong{object(kHuggingFace, R"("quantization_config": {"quant_method": "gptq", "bits": 4})"),
              "key 'quantization_config.quant_method': expected MLX's quantisation"},
        Wrong{object(kMistral, R"("quantization": {"qformat_weight": "nvfp4"})"),
              "key 'quantization.qformat_weight': expected 'fp8_e4m3', found 'nvfp4'"}));

TEST(Config, ParamsJsonOfMistralsOwnReleasesIsUnderstood) {
  const Config config = parse_config(
      object(kMistral, R"("model_type": "transformer", "quantization": {"qformat_weight": "fp8_e4m3",)"
                       R"( "qscheme_act": "TENSOR"})"),
      "params.json");
  EXPECT_TRUE(config.quantization.float8);
  EXPECT_FALSE(config.quantization.standard);
}

TEST(Config, TheLargestSizesDoNotOverflow) {
  std::string text = replaced(kMistral, "n_heads", "65536");
  text.replace(text.find("\"head_dim\": 16"), 14, "\"head_dim\": 65536");
  EXPECT_TRUE(contains(error_of([&] { parse(text); }),
                       "key 'n_heads': expected at most 4194304 elements in all heads"));
}

TEST(Quantization, HasOverridesByModule) {
  const auto q =
      hugging_face(R"("quantization": {"group_size": 32, "bits": 3, "mode": "affine", "lm_head": false,
      "model.embed_tokens": true, "model.layers.0.mlp.up_proj": {"bits": 8, "group_size": 128}})")
          .quantization;
  EXPECT_EQ(q.standard, (QuantSpec{3, 32}));
  ASSERT_EQ(q.overrides.size(), 3U);
  EXPECT_EQ(q.overrides.at("lm_head"), std::nullopt);
  EXPECT_EQ(q.overrides.at("model.embed_tokens"), (QuantSpec{3, 32}));
  EXPECT_EQ(q.overrides.at("model.layers.0.mlp.up_proj"), (QuantSpec{8, 128}));
}

TEST(Quantization, IsFoundUnderEitherNameAndInEitherPlace) {
  constexpr const char* kSpec = R"({"group_size": 128, "bits": 6})";
  const QuantSpec spec{6, 128};
  EXPECT_EQ(hugging_face(std::string(R"("quantization_config": )") + kSpec).quantization.standard, spec);
  const std::string nested = R"({"model_type": "mistral3", "text_config": )" + object(kHuggingFace);
  EXPECT_EQ(parse(nested + R"(, "quantization": )" + kSpec + "}").quantization.standard, spec);
  const std::string inner = object(kHuggingFace, std::string(R"("quantization": )") + kSpec);
  EXPECT_EQ(parse(R"({"text_config": )" + inner + "}").quantization.standard, spec);
}

TEST(Quantization, ModesHaveBitsAndGroupsOfTheirOwn) {
  const auto q = hugging_face(R"("quantization": {"group_size": 32, "bits": 4, "mode": "mxfp4",
      "lm_head": {"mode": "nvfp4"}, "model.embed_tokens": {"group_size": 32, "bits": 8, "mode": "mxfp8"},
      "model.layers.0.mlp.up_proj": {"bits": 8}})")
                     .quantization;
  EXPECT_EQ(q.standard, (QuantSpec{4, 32, QuantMode::mxfp4}));
  EXPECT_EQ(q.overrides.at("lm_head"), (QuantSpec{4, 16, QuantMode::nvfp4}));
  EXPECT_EQ(q.overrides.at("model.embed_tokens"), (QuantSpec{8, 32, QuantMode::mxfp8}));
  EXPECT_EQ(q.overrides.at("model.layers.0.mlp.up_proj"), (QuantSpec{8, 64}));  // as MLX's to_quantized
}

TEST(Quantization, WhatIsLeftOutIsAsInMlx) {
  EXPECT_EQ(mistral(R"("quantization": {})").quantization.standard, (QuantSpec{4, 64}));
  EXPECT_EQ(mistral(R"("quantization": null)").quantization.standard, std::nullopt);
}

}  // namespace
}  // namespace tramontane
