#include <cmath>

#include "checkpoint/config.h"
#include "checkpoint/support.h"

// RoPE, YaRN, query temperature and sliding windows in both dialects of config.json.
namespace tramontane {
namespace {

using testing::contains;
using testing::error_of;

Config mistral(const std::string& more) {
  return parse_config(
      R"({"dim": 64, "n_layers": 4, "head_dim": 16, "hidden_dim": 96, "n_heads": 4, "n_kv_heads": 2,
                          "norm_eps": 1e-5, "vocab_size": 11, )" +
          more + "}",
      "config.json");
}

Config hugging_face(const std::string& more) {
  return parse_config(
      R"({"hidden_size": 64, "num_hidden_layers": 4, "intermediate_size": 96, "num_attention_heads": 4,
                          "rms_norm_eps": 1e-5, "vocab_size": 11, )" +
          more + "}",
      "config.json");
}

TEST(Yarn, OfParamsJson) {
  const std::string text =
      R"("rope_theta": 1e6, "yarn": {"factor": 16, "original_max_position_embeddings": 16384,
                              "beta": 48, "alpha": 2, "apply_scale": false})";
  const auto yarn = mistral(text).args.yarn;
  ASSERT_TRUE(yarn);
  EXPECT_EQ(yarn->factor, 16);
  EXPECT_EQ(yarn->original_max_position, 16384);
  EXPECT_EQ(yarn->beta_fast, 48);
  EXPECT_EQ(yarn->beta_slow, 2);
  EXPECT_EQ(yarn->attention_factor, 1);
  const auto scaled =
      mistral(R"("yarn": {"factor": 16, "original_max_position_embeddings": 16384})").args.yarn;
  EXPECT_DOUBLE_EQ(scaled->attention_factor, 0.1 * std::log(16.0) + 1);
}

TEST(Yarn, OfRopeScalingAndRopeParameters) {
  const std::string entry = R"({"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096,
                               "beta_fast": 16, "beta_slow": 3})";
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const auto yarn = hugging_face("\"" + std::string(key) + "\": " + entry).args.yarn;
    ASSERT_TRUE(yarn) << key;
    EXPECT_EQ(yarn->factor, 8);
    EXPECT_EQ(yarn->original_max_position, 4096);
    EXPECT_EQ(yarn->beta_fast, 16);
    EXPECT_EQ(yarn->beta_slow, 3);
  }
}

double attention_factor(const std::string& more) {
  return hugging_face(
             R"("rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 4096)" +
             more + "}")
      .args.yarn->attention_factor;
}

TEST(Yarn, AttentionFactorIsThatOfMlxLm) {
  const auto magnitude = [](double mscale) { return 0.1 * mscale * std::log(16.0) + 1; };
  EXPECT_DOUBLE_EQ(attention_factor(""), magnitude(1));
  EXPECT_DOUBLE_EQ(attention_factor(R"(, "mscale": 1.0, "mscale_all_dim": 1.0)"), 1);
  EXPECT_DOUBLE_EQ(attention_factor(R"(, "mscale": 0.707, "mscale_all_dim": 1.0)"),
                   magnitude(0.707) / magnitude(1));
  EXPECT_DOUBLE_EQ(attention_factor(R"(, "mscale": 0.5)"), magnitude(0.5));
  EXPECT_DOUBLE_EQ(attention_factor(R"(, "attention_factor": 1.25)"), 1.25);
}

TEST(Rope, ThetaMayBeInRopeParameters) {
  const Config config = hugging_face(R"("rope_parameters": {"rope_type": "default", "rope_theta": 1e8})");
  EXPECT_EQ(config.args.rope_theta, 1e8);
  EXPECT_TRUE(config.rope_theta_given);
  EXPECT_FALSE(config.args.yarn);
}

TEST(QueryTemperature, OfBothDialects) {
  const auto consolidated =
      mistral(R"("llama_4_scaling": {"beta": 0.1, "original_max_position_embeddings": 16384})")
          .args.query_temperature;
  ASSERT_TRUE(consolidated);
  EXPECT_EQ(consolidated->beta, 0.1);
  EXPECT_EQ(consolidated->original_max_position, 16384);
  const auto other = hugging_face(R"("rope_parameters": {"rope_theta": 1e6, "llama_4_scaling_beta": 0.1,
                                     "original_max_position_embeddings": 8192})")
                         .args.query_temperature;
  ASSERT_TRUE(other);
  EXPECT_EQ(other->beta, 0.1);
  EXPECT_EQ(other->original_max_position, 8192);
  EXPECT_FALSE(hugging_face(R"("rope_parameters": {"rope_theta": 1e6, "llama_4_scaling_beta": 0})")
                   .args.query_temperature);
}

struct Window {
  bool hugging_face;
  const char* text;
  std::vector<int> expected;
};

class Windows : public ::testing::TestWithParam<Window> {};

TEST_P(Windows, AreThoseOfEachLayer) {
  const auto& [is_hugging_face, text, expected] = GetParam();
  EXPECT_EQ((is_hugging_face ? hugging_face(text) : mistral(text)).args.sliding_window, expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, Windows,
    ::testing::Values(
        Window{false, R"("sliding_window": 4096)", {4096, 4096, 4096, 4096}},
        Window{false, R"("sliding_window": "4096")", {4096, 4096, 4096, 4096}},
        Window{false, R"("sliding_window": null)", {0, 0, 0, 0}},
        Window{false, R"("sliding_window": 0)", {0, 0, 0, 0}},
        Window{false, R"("_sliding_window": [null, 8, 8, 8])", {0, 8, 8, 8}},
        Window{false, R"("sliding_window": [null, 8])", {0, 8, 0, 8}},
        Window{false, R"("sliding_window": null, "_sliding_window": 9)", {9, 9, 9, 9}},
        Window{true, R"("sliding_window": 4096)", {4096, 4096, 4096, 4096}},
        Window{true, R"("sliding_window": 4096, "use_sliding_window": false)", {0, 0, 0, 0}},
        Window{true, R"("sliding_window": 4096, "use_sliding_window": true)", {4096, 4096, 4096, 4096}},
        Window{
            true,
            R"("sliding_window": 16, "layer_types": ["full_attention", "sliding_attention", "sliding_attention",
                  "full_attention"])",
            {0, 16, 16, 0}},
        Window{
            true,
            R"("sliding_window": null, "layer_types": ["full_attention", "full_attention", "full_attention",
                  "full_attention"])",
            {0, 0, 0, 0}}));

struct Wrong {
  bool hugging_face;
  const char* text;
  const char* message;
};

class WrongRope : public ::testing::TestWithParam<Wrong> {};

TEST_P(WrongRope, IsRefusedByName) {
  const auto& [is_hugging_face, text, message] = GetParam();
  const std::string found = error_of([&] { is_hugging_face ? hugging_face(text) : mistral(text); });
  EXPECT_TRUE(contains(found, "config.json: key '"));
  EXPECT_TRUE(contains(found, message));
}

INSTANTIATE_TEST_SUITE_P(
    Window, WrongRope,
    ::testing::Values(
        Wrong{false, R"("sliding_window": -1)", "'sliding_window': expected a number of tokens"},
        Wrong{false, R"("sliding_window": 4.5)", "found 4.5"},
        Wrong{false, R"("sliding_window": "4k")", "found '4k'"},
        Wrong{false, R"("sliding_window": "-4")", "found '-4'"},
        Wrong{false, R"("sliding_window": "")", "found ''"},
        Wrong{false, R"("sliding_window": "99999999999")", "found '99999999999'"},
        Wrong{false, R"("sliding_window": 2147483648)", "found 2147483648"},
        Wrong{false, R"("sliding_window": true)", "found true"},
        Wrong{false, R"("sliding_window": [])", "whose length divides the 4 layers (its length is 0)"},
        Wrong{false, R"("sliding_window": [1, 2, 3])", "(its length is 3)"},
        Wrong{false, R"("sliding_window": [1, 2, 3, [4]])", "'sliding_window': expected a number"},
        Wrong{false, R"("sliding_window": 3, "_sliding_window": 4)", "'_sliding_window': expected nothing"},
        Wrong{true, R"("use_sliding_window": 0)", "'use_sliding_window': expected true or false"},
        Wrong{true, R"("layer_types": "full_attention")", "'layer_types': expected a list of 4"},
        Wrong{true, R"("layer_types": ["full_attention"])", "'layer_types': expected a list of 4"},
        Wrong{true, R"("sliding_window": 8, "layer_types": [0, 0, 0, 0])", "for layer 0, found 0"},
        Wrong{true,
              R"("layer_types": ["sliding_attention", "full_attention", "full_attention",
                               "full_attention"])",
              "'sliding_window': expected a number of tokens, as 'layer_types'"}));

INSTANTIATE_TEST_SUITE_P(
    Rope, WrongRope,
    ::testing::Values(
        Wrong{true, R"("rope_scaling": 3)", "'rope_scaling': expected an object, found 3"},
        Wrong{true, R"("rope_scaling": {"type": "linear", "factor": 2})",
              "'rope_scaling.type': expected 'default' or 'yarn' (other kinds of RoPE scaling are not "
              "supported), found 'linear'"},
        Wrong{true, R"("rope_scaling": {"rope_type": "llama3", "factor": 2})", "found 'llama3'"},
        Wrong{true, R"("rope_scaling": {"factor": 2})", "'rope_scaling.type': expected 'default' or 'yarn'"},
        Wrong{true, R"("rope_scaling": {"type": "yarn"})", "'rope_scaling.factor': expected a number in 1.."},
        Wrong{true, R"("rope_scaling": {"type": "yarn", "factor": 0.5})", "found 0.5"},
        Wrong{true, R"("rope_scaling": {"type": "yarn", "factor": 2})", "original_max_position_embeddings'"},
        Wrong{true, R"("rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 0})",
              "found 0"},
        Wrong{
            true,
            R"("rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 64, "beta_fast": 0})",
            "'rope_scaling.beta_fast'"},
        Wrong{
            true,
            R"("rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 64, "mscale": -1})",
            "'rope_scaling.mscale'"},
        Wrong{
            true,
            R"("rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": 64, "truncate": false})",
            "'rope_scaling.truncate': expected true"},
        Wrong{true, R"("rope_scaling": {"type": "default"}, "rope_parameters": {"rope_theta": 1e6})",
              "'rope_scaling': expected the same as the key 'rope_parameters'"},
        Wrong{true, R"("rope_theta": 1e4, "rope_parameters": {"rope_theta": 1e6})",
              "'rope_parameters.rope_theta': expected the same as elsewhere"},
        Wrong{true, R"("rope_parameters": {"full_attention": {}, "sliding_attention": {}})",
              "one set of RoPE"},
        Wrong{true, R"("rope_parameters": {"rope_theta": 1e6, "llama_4_scaling_beta": 0.1})",
              "'rope_parameters.original_max_position_embeddings'"},
        Wrong{false, R"("yarn": true)", "'yarn': expected an object, found true"},
        Wrong{false, R"("yarn": {})", "'yarn.factor': expected a number in 1..1000000, found nothing"},
        Wrong{false, R"("yarn": {"factor": 16, "original_max_position_embeddings": "x"})", "found 'x'"},
        Wrong{false, R"("yarn": {"factor": 16, "original_max_position_embeddings": 64, "apply_scale": 0})",
              "'yarn.apply_scale': expected true or false, found 0"},
        Wrong{false, R"("llama_4_scaling": {"beta": -1})",
              "'llama_4_scaling.beta': expected a number in 0..1000"}));

}  // namespace
}  // namespace tramontane
