#include "tokenizer/byte_alphabet.h"

#include <gtest/gtest.h>

#include <set>

namespace tramontane {
namespace {

TEST(ByteAlphabet, SpellsEachByteWithALetterOfItsOwn) {
  EXPECT_EQ(byte_letter('a'), "a");
  EXPECT_EQ(byte_letter(' '), "Ġ");
  EXPECT_EQ(byte_letter('\n'), "Ċ");
  EXPECT_EQ(byte_letter(0), "Ā");
  EXPECT_EQ(byte_letter(0xff), "ÿ");
  EXPECT_EQ(byte_letter(0xad), "\u0143") << "the last";
  std::set<std::string> letters;
  for (unsigned byte = 0; byte < 256; byte++) {
    const std::string letter = byte_letter(static_cast<unsigned char>(byte));
    letters.insert(letter);
    EXPECT_EQ(bytes_of_letters(letter), std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(letters.size(), 256U);
}

TEST(ByteAlphabet, ReadsNothingElse) {
  EXPECT_EQ(bytes_of_letters("Ġthe"), " the");
  EXPECT_EQ(bytes_of_letters(""), "");
  for (const char* text : {" the", "\u00ad", "\u0144", "a\u2581", "😀", "\n"}) {
    EXPECT_EQ(bytes_of_letters(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tramontane
