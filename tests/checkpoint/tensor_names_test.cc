#include "checkpoint/tensor_names.h"

#include <gtest/gtest.h>

namespace tramontane {
namespace {

using Kind = TensorName::Kind;

struct Known {
  const char* name;
  NameFamily family;
  Place place;
};

class KnownName : public ::testing::TestWithParam<Known> {};

TEST_P(KnownName, IsFound) {
  const TensorName found = parse_tensor_name(GetParam().name);
  EXPECT_EQ(found.kind, Kind::parameter);
  EXPECT_EQ(found.family, GetParam().family);
  EXPECT_EQ(found.place, GetParam().place);
}

constexpr auto kMistral = NameFamily::mistral;
constexpr auto kHuggingFace = NameFamily::hugging_face;

INSTANTIATE_TEST_SUITE_P(
    All, KnownName,
    ::testing::Values(
        Known{"tok_embeddings.weight", kMistral, {Role::tok_embeddings}},
        Known{"layers.0.attention.wq.weight", kMistral, {Role::wq, 0}},
        Known{"layers.1.attention.wk.scales", kMistral, {Role::wk, 1, Part::scales}},
        Known{"layers.10.attention.wv.biases", kMistral, {Role::wv, 10, Part::biases}},
        Known{"layers.39.attention.wo.weight", kMistral, {Role::wo, 39}},
        Known{"layers.2.feed_forward.w1.weight", kMistral, {Role::w1, 2}},
        Known{"layers.2.feed_forward.w2.weight", kMistral, {Role::w2, 2}},
        Known{"layers.2.feed_forward.w3.weight", kMistral, {Role::w3, 2}},
        Known{"layers.2.attention_norm.weight", kMistral, {Role::attention_norm, 2}},
        Known{"layers.2.ffn_norm.weight", kMistral, {Role::ffn_norm, 2}},
        Known{"norm.weight", NameFamily::either, {Role::norm}},
        Known{"output.scales", kMistral, {Role::output, -1, Part::scales}},
        Known{"model.embed_tokens.weight", kHuggingFace, {Role::tok_embeddings}},
        Known{"model.layers.0.self_attn.q_proj.weight", kHuggingFace, {Role::wq, 0}},
        Known{"model.layers.0.self_attn.k_proj.weight", kHuggingFace, {Role::wk, 0}},
        Known{"model.layers.0.self_attn.v_proj.weight", kHuggingFace, {Role::wv, 0}},
        Known{"model.layers.0.self_attn.o_proj.weight", kHuggingFace, {Role::wo, 0}},
        Known{"model.layers.3.mlp.gate_proj.weight", kHuggingFace, {Role::w1, 3}},
        Known{"model.layers.3.mlp.down_proj.weight", kHuggingFace, {Role::w2, 3}},
        Known{"model.layers.3.mlp.up_proj.weight", kHuggingFace, {Role::w3, 3}},
        Known{"model.layers.3.input_layernorm.weight", kHuggingFace, {Role::attention_norm, 3}},
        Known{"model.layers.3.post_attention_layernorm.weight", kHuggingFace, {Role::ffn_norm, 3}},
        Known{"model.norm.weight", NameFamily::either, {Role::norm}},
        Known{"lm_head.weight", kHuggingFace, {Role::output}},
        Known{"language_model.lm_head.weight", kHuggingFace, {Role::output}},
        Known{"language_model.model.layers.7.mlp.up_proj.scales", kHuggingFace, {Role::w3, 7, Part::scales}},
        Known{"model.language_model.layers.7.mlp.up_proj.weight", kHuggingFace, {Role::w3, 7}},
        Known{"layers.7.mlp.up_proj.weight", kHuggingFace, {Role::w3, 7}}));

class UnknownName : public ::testing::TestWithParam<const char*> {};

TEST_P(UnknownName, IsUnknown) { EXPECT_EQ(parse_tensor_name(GetParam()).kind, Kind::unknown); }

INSTANTIATE_TEST_SUITE_P(All, UnknownName,
                         ::testing::Values("", ".weight", "weight", "model.", "norm", "norm.bias",
                                           "layers.weight", "layers..attention.wq.weight",
                                           "layers.-1.attention.wq.weight", "layers.00.attention.wq.weight",
                                           "layers.01.attention.wq.weight", "layers.+1.attention.wq.weight",
                                           "layers.1x.attention.wq.weight",
                                           "layers.99999999999.attention.wq.weight", "layers.0.norm.weight",
                                           "attention.wq.weight", "layers.0.attention.wq.bias",
                                           "layers.0.attention.wx.weight", "layers.0.output.weight",
                                           "model.model.norm.weight", "layers.0.feed_forward.gate.weight"));

TEST(TensorNames, HarmlessAndVisionTensorsAreTold) {
  EXPECT_EQ(parse_tensor_name("model.layers.0.self_attn.rotary_emb.inv_freq").kind, Kind::harmless);
  EXPECT_EQ(parse_tensor_name("rope.freqs").kind, Kind::harmless);
  for (const char* name : {"vision_tower.ln_pre.weight", "multi_modal_projector.linear_1.weight",
                           "model.vision_tower.ln_pre.weight", "vision_encoder.norm.weight",
                           "vision_tower.transformer.layers.0.attention.q_proj.weight"}) {
    EXPECT_EQ(parse_tensor_name(name).kind, Kind::vision) << name;
  }
}

TEST(TensorNames, SpellingIsTheInverseOfParsing) {
  for (const NameFamily family : {kMistral, kHuggingFace}) {
    for (const Place place :
         {Place{Role::wq, 12}, Place{Role::ffn_norm, 0}, Place{Role::output, -1, Part::biases}}) {
      const TensorName found = parse_tensor_name(spell(place, family));
      EXPECT_EQ(found.place, place);
      EXPECT_EQ(found.family, family);
    }
  }
}

}  // namespace
}  // namespace tramontane
