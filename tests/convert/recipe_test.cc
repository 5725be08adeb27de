#include "convert/recipe.h"

#include "convert/support.h"

namespace tramontane {
namespace {

using testing::contains;
using testing::error_of;

const QuantSpec kStandard{4, 64};

/// The layers in which wv has `bits`.
std::vector<int> layers_with(const Recipe& recipe, int n_layers, int bits) {
  std::vector<int> layers;
  for (int layer = 0; layer < n_layers; ++layer) {
    const int found = recipe.spec_of({Role::wv, layer}).bits;
    EXPECT_EQ(recipe.spec_of({Role::w2, layer}).bits, found);
    if (found == bits) layers.push_back(layer);
  }
  return layers;
}

// The layers are what mlx-lm 0.32.2's mixed_quant_predicate_builder chooses for 16 and 5 layers.
TEST(RecipeTest, MixedRecipesFavourTheLayersThatMlxLmFavours) {
  EXPECT_EQ(layers_with(Recipe("mixed_3_6", kStandard, 16), 16, 6),
            (std::vector{0, 1, 4, 7, 10, 13, 14, 15}));
  EXPECT_EQ(layers_with(Recipe("mixed_2_6", kStandard, 5), 5, 6), (std::vector{2, 4}));
}

TEST(RecipeTest, TheHeadGetsMoreBitsAndAllElseFewer) {
  for (const auto& [name, low, high] : {std::tuple{"mixed_2_6", 2, 6}, std::tuple{"mixed_3_4", 3, 4},
                                        std::tuple{"mixed_3_6", 3, 6}, std::tuple{"mixed_4_6", 4, 6}}) {
    const Recipe recipe(name, {8, 128}, 8);
    EXPECT_EQ(recipe.standard(), (QuantSpec{low, 128}));
    EXPECT_EQ(recipe.spec_of({Role::output}), (QuantSpec{high, 128}));
    EXPECT_EQ(recipe.spec_of({Role::tok_embeddings}), (QuantSpec{low, 128}));
    EXPECT_EQ(recipe.spec_of({Role::w1, 0}), (QuantSpec{low, 128}));
  }
}

TEST(RecipeTest, WithoutANameAllAreTheSame) {
  const Recipe recipe("", kStandard, 8);
  EXPECT_EQ(recipe.spec_of({Role::output}), kStandard);
  EXPECT_EQ(recipe.spec_of({Role::wv, 0}), kStandard);
}

TEST(RecipeTest, OtherNamesAndModesAreRefused) {
  EXPECT_TRUE(contains(error_of([] { Recipe("mixed_1_9", kStandard, 8); }), "mixed_4_6, found 'mixed_1_9'"));
  EXPECT_TRUE(contains(error_of([] { Recipe("mixed_2_6", {4, 32, QuantMode::mxfp4}, 8); }), "affine"));
}

TEST(RecipeTest, WhatIsAbsentIsAsMlxHasIt) {
  EXPECT_EQ(make_quant_spec("affine", {}, {}), kStandard);
  EXPECT_EQ(make_quant_spec("affine", 3, 128), (QuantSpec{3, 128}));
  EXPECT_EQ(make_quant_spec("mxfp4", {}, {}), (QuantSpec{4, 32, QuantMode::mxfp4}));
  EXPECT_EQ(make_quant_spec("mxfp8", {}, 32), (QuantSpec{8, 32, QuantMode::mxfp8}));
  EXPECT_EQ(make_quant_spec("nvfp4", 4, 16), (QuantSpec{4, 16, QuantMode::nvfp4}));
}

TEST(RecipeTest, WhatMlxDoesNotHaveIsRefused) {
  const auto error = [](const char* mode, std::optional<int> bits, std::optional<int> group_size) {
    return error_of([&] { make_quant_spec(mode, bits, group_size); });
  };
  EXPECT_EQ(error("affine", 7, {}), "bits: expected one of 2, 3, 4, 5, 6, 8, found 7");
  EXPECT_EQ(error("affine", 4, 16), "group size: expected one of 32, 64, 128, found 16");
  EXPECT_EQ(error("nvfp4", {}, 32), "group size of mode nvfp4: expected one of 16, found 32");
  EXPECT_EQ(error("mxfp8", 4, {}), "bits of mode mxfp8: expected one of 8, found 4");
  EXPECT_TRUE(contains(error("int4", {}, {}), "found 'int4'"));
}

}  // namespace
}  // namespace tramontane
