#include "tokenizer/listed_bpe.h"

#include <gtest/gtest.h>

namespace tramontane {
namespace {

using Ids = std::vector<TokenId>;

/// 0 stands for what is unknown, 1 and 2 for the bytes of "é".
BpeModel small() {
  BpeModel model;
  model.pieces = {"", "", "", "a", "b", "c", "ab", "bc", "abc"};
  model.byte_ids.fill(-1);
  model.byte_ids[0xc3] = 1;
  model.byte_ids[0xa9] = 2;
  model.merges = {{4, 5, 7}, {3, 4, 6}, {6, 5, 8}};  // b c, a b, ab c
  model.unk_id = 0;
  return model;
}

Ids encode(const BpeModel& model, std::string_view word, Unit unit = Unit::character) {
  const ListedBpe bpe(model, unit);
  Ids ids;
  ListedBpe::Encoder(bpe, word.size()).append(word, ids);
  return ids;
}

TEST(ListedBpe, MergesOnlyPairsThatAreListed) {
  EXPECT_EQ(encode(small(), "abc"), (Ids{3, 7})) << "b c comes first, and no pair makes abc of a and bc";
  EXPECT_EQ(encode(small(), "abab"), (Ids{6, 6}));
  BpeModel model = small();
  model.ignore_merges = true;
  EXPECT_EQ(encode(model, "abc"), (Ids{8}));
  EXPECT_EQ(encode(model, "abcab"), (Ids{3, 7, 6}));
}

TEST(ListedBpe, FusesWhatIsUnknownOrLeavesItOut) {
  BpeModel model = small();
  EXPECT_EQ(encode(model, "xya"), (Ids{0, 0, 3}));
  model.fuse_unk = true;
  EXPECT_EQ(encode(model, "xya"), (Ids{0, 3}));
  model.unk_id = -1;
  EXPECT_EQ(encode(model, "xya"), (Ids{3}));
}

TEST(ListedBpe, FallsBackToBytesWhereAllHaveTokens) {
  BpeModel model = small();
  model.byte_fallback = true;
  EXPECT_EQ(encode(model, "aé"), (Ids{3, 1, 2}));
  EXPECT_EQ(encode(model, "aè"), (Ids{3, 0}));
  EXPECT_EQ(encode(model, "èéa"), (Ids{1, 2, 0, 3})) << "in this order, as tokenizers has it";
}

TEST(ListedBpe, CutsIntoBytes) {
  BpeModel model = small();
  model.pieces[1] = "\xc3";
  model.pieces[2] = "\xa9";
  EXPECT_EQ(encode(model, "éa", Unit::byte), (Ids{1, 2, 3}));
}

TEST(ListedBpe, EndsAtWordsUnlessAMergeReachesAcross) {
  BpeModel model = small();
  EXPECT_FALSE(ListedBpe(model, Unit::character).ends_at_words()) << "U+2581 is unknown";
  model.pieces[1] = "\u2581";
  EXPECT_TRUE(ListedBpe(model, Unit::character).ends_at_words());
  model.pieces.emplace_back("a\u2581");
  EXPECT_TRUE(ListedBpe(model, Unit::character).ends_at_words());
  model.merges.push_back({3, 1, 9});
  EXPECT_FALSE(ListedBpe(model, Unit::character).ends_at_words());
}

}  // namespace
}  // namespace tramontane
