#include "tokenizer/byte_vocabulary.h"

#include <gtest/gtest.h>

#include <string>

#include "tokenizer/byte_hash.h"
#include "tramontane/error.h"

namespace tramontane {
namespace {

TEST(ByteVocabulary, FindsWhatWasAdded) {
  ByteVocabulary vocabulary;
  EXPECT_FALSE(vocabulary.find("a"));
  for (int i = 0; i < 5000; i++) EXPECT_TRUE(vocabulary.add(std::to_string(i)));
  EXPECT_FALSE(vocabulary.add("17"));
  EXPECT_EQ(vocabulary.size(), 5000U);
  EXPECT_EQ(vocabulary.longest(), 4U);
  for (std::uint32_t i = 0; i < 5000; i++) {
    EXPECT_EQ(vocabulary.find(std::to_string(i)), i);
    EXPECT_EQ(vocabulary[i], std::to_string(i));
  }
  EXPECT_FALSE(vocabulary.find("5000"));
  EXPECT_FALSE(vocabulary.find(""));
}

TEST(ByteVocabulary, RefusesPiecesThatWereMadeToCollide) {
  const auto add_those_of_one_slot = [] {
    ByteVocabulary vocabulary;
    for (int i = 0; i < 10'000'000; i++) {
      const std::string piece = std::to_string(i);
      if ((hash_bytes(piece) & 0xfff) == 0) vocabulary.add(piece);
    }
  };
  EXPECT_THROW(add_those_of_one_slot(), Error);
}

}  // namespace
}  // namespace tramontane
