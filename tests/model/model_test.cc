#include "tramontane/model.h"

#include <gtest/gtest.h>

#include "model/model_impl.h"
#include "support/compare.h"
#include "support/error_of.h"
#include "support/random_model.h"
#include "tramontane/error.h"

namespace tramontane {
namespace {

using testing::Dice;
using testing::TempFolder;

const std::filesystem::path kStories = TEST_DATA "/stories260k";

std::string load_error(const std::filesystem::path& folder, const LoadOptions& options = {}) {
  return testing::error_of([&] { load_model(folder, options); });
}

TEST(Model, TellsWhatItIs) {
  const Model model = load_model(kStories, {.threads = 1});
  EXPECT_EQ(model.args().dim, 64);
  EXPECT_EQ(model.args().n_layers, 5);
  EXPECT_EQ(model.args().hidden_dim, 172);
  EXPECT_EQ(model.args().rope_layout, RopeLayout::interleaved);
  EXPECT_EQ(model.dtype(), DType::float32);
  EXPECT_EQ(model.kv_dtype(), DType::float32);
  EXPECT_EQ(model.threads(), 1);
  EXPECT_EQ(model.tokenizer().vocab_size(), 512);
}

TEST(Model, LogitsDoNotDependOnTheChunk) {
  Model model = load_model(kStories);
  const std::vector<TokenId> ids = Dice(1).tokens(100, 512);
  const auto whole = model.logits(ids);
  EXPECT_EQ(whole.size(), 100U * 512U);
  EXPECT_EQ(model.logits(ids, 1), whole);
  EXPECT_EQ(model.logits(ids, 33), whole);
}

TEST(Model, TheBlockSizeOfTheCacheDoesNotChangeWhatIsMeant) {
  const std::vector<TokenId> ids = Dice(2).tokens(70, 512);
  const auto expected = load_model(kStories).logits(ids);
  const auto found = load_model(kStories, {.kv_block_tokens = 5}).logits(ids);
  // The softmax is summed up in another order: a few hundred roundings of 6e-8.
  EXPECT_TRUE(testing::close(found, expected, {.relative_l2 = 5e-6, .max_abs = 1e-4}));
}

TEST(Model, OverridesReplaceWhatTheCheckpointSays) {
  const std::vector<TokenId> ids = Dice(3).tokens(60, 512);
  const Model plain = load_model(kStories);
  const Model windowed = load_model(kStories, {.rope_theta = 5e5, .sliding_window = 8});
  EXPECT_EQ(windowed.args().rope_theta, 5e5);
  EXPECT_EQ(windowed.args().sliding_window, std::vector<int>(5, 8));
  EXPECT_LT(windowed.kv_bytes(10000), plain.kv_bytes(10000));
  EXPECT_NE(load_model(kStories, {.sliding_window = 8}).logits(ids), load_model(kStories).logits(ids));
  EXPECT_NE(load_model(kStories, {.rope_theta = 5e5}).logits(ids), load_model(kStories).logits(ids));
}

TEST(Model, OptionsOutOfRangeAreNamed) {
  EXPECT_NE(load_error(kStories, {.threads = -1}).find("threads: expected"), std::string::npos);
  EXPECT_NE(load_error(kStories, {.rope_theta = 0.0}).find("rope_theta: expected"), std::string::npos);
  EXPECT_NE(load_error(kStories, {.sliding_window = -1}).find("sliding_window: expected"), std::string::npos);
  EXPECT_NE(load_error(kStories, {.kv_dtype = DType::bfloat16}).find("kv_dtype: expected"),
            std::string::npos);
  EXPECT_NE(load_error(kStories, {.kv_block_tokens = 0}).find("kv_block_tokens: expected"),
            std::string::npos);
}

TEST(Model, VocabulariesOfConfigAndTokenizerMustAgree) {
  synthetic::SyntheticOptions options = testing::random_options(1);
  options.args.vocab_size = 500;
  options.tokenizer = kStories / "tokenizer.model";
  const TempFolder folder;
  synthetic::write_checkpoint(folder.path(), options);
  EXPECT_EQ(load_error(folder.path()),
            (folder / "tokenizer.model").string() +
                ": expected the 500 pieces that config.json gives as vocab_size, found 512");
}

TEST(Model, AMissingFolderIsNamed) {
  EXPECT_NE(load_error("no/such/folder").find("no/such/folder"), std::string::npos);
}

TEST(Model, TokenIdsOutOfRangeAreNamed) {
  Model model = load_model(kStories);
  EXPECT_THROW(model.logits(std::vector<TokenId>{1, 512}), Error);
  EXPECT_THROW(model.logits(std::vector<TokenId>{-1}), Error);
}

}  // namespace
}  // namespace tramontane
