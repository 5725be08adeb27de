#include "hub/select.h"

#include <gtest/gtest.h>

#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using Names = std::vector<std::string>;
using testing::error_of;

Listing listing_of(const Names& names) {
  Listing listing;
  for (const auto& name : names) listing.files.push_back({name, {DigestKind::sha256, "", 1000}});
  return listing;
}

Names selected(const Names& names, const Patterns& patterns = {}) {
  Names out;
  for (const RemoteFile& file : select_files(listing_of(names), patterns, "a/b")) out.push_back(file.name);
  return out;
}

TEST(SelectTest, DescriptionTokenizerLicenceAndWeights) {
  const Names needed = {"config.json",      "params.json",           "generation_config.json",
                        "tokenizer.model",  "tokenizer.model.v3",    "tokenizer.json",
                        "tekken.json",      "tokenizer_config.json", "chat_template.jinja",
                        "LICENSE.txt",      "added_tokens.json",     "special_tokens_map.json",
                        "model.safetensors"};
  Names all = needed;
  for (const char* other : {"README.md", "modeling.py", ".gitattributes", "pytorch_model.bin",
                            "training_args.bin", "sub/config.json", "sub/model.safetensors"}) {
    all.emplace_back(other);
  }
  EXPECT_EQ(selected(all), needed);
}

TEST(SelectTest, ShardsComeWithTheirIndex) {
  EXPECT_EQ(selected({"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                      "model.safetensors.index.json", "consolidated.safetensors", "weights.npz"}),
            (Names{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                   "model.safetensors.index.json"}));
}

TEST(SelectTest, ShardsOfOneGgufModelBelongTogether) {
  const Names shards = {"m-00001-of-00002.gguf", "m-00002-of-00002.gguf"};
  EXPECT_EQ(selected(shards), shards);
  EXPECT_EQ(error_of([] { selected({"m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "x.gguf"}); }),
            "a/b: expected one GGUF model, found 'm.gguf' (2 kB), 'x.gguf' (1 kB): choose with --include");
}

TEST(SelectTest, PatternsReplaceTheChoice) {
  EXPECT_EQ(selected({"a.bin", "b.txt", "sub/c.bin"}, {.include = {"*.bin"}, .exclude = {}}),
            (Names{"a.bin", "sub/c.bin"}));
  EXPECT_EQ(selected({"a.bin", "sub/c.bin"}, {.include = {"*"}, .exclude = {"sub/"}}), (Names{"a.bin"}));
  EXPECT_EQ(
      selected({"config.json", "model.safetensors", "weights.npz"}, {.include = {}, .exclude = {"model*"}}),
      (Names{"config.json", "weights.npz"}));
}

TEST(SelectTest, NothingToRun) {
  EXPECT_NE(error_of([] { selected({"config.json", "pytorch_model.bin"}); }).find("expected weights"),
            std::string::npos);
  EXPECT_NE(error_of([] { selected({}); }).find("expected weights"), std::string::npos);
  EXPECT_NE(error_of([] { selected({"a"}, {.include = {"b"}, .exclude = {}}); }).find("--include"),
            std::string::npos);
}

}  // namespace
}  // namespace tramontane::hub
