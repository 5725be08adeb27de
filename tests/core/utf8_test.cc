#include "core/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace tramontane {
namespace {

constexpr std::size_t kFine = std::string_view::npos;

/// UTF-8 by its arithmetic definition, also of code points that have none.
std::string encoded(unsigned long point, std::size_t length) {
  std::string out(length, '\0');
  for (std::size_t i = length - 1; i > 0; i--, point >>= 6) out[i] = static_cast<char>(0x80 | (point & 0x3f));
  const unsigned lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  out[0] = static_cast<char>(lead[length] | point);
  return out;
}

std::size_t length_of(unsigned long point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

bool is_character(unsigned long point) { return point <= 0x10ffff && (point < 0xd800 || point > 0xdfff); }

TEST(Utf8, TellsEveryCodePointInEveryLength) {
  for (unsigned long point = 0; point < 0x200000; point++) {
    for (std::size_t length = 1; length <= 4; length++) {
      if (length < length_of(point)) continue;
      if (length > 1 && length < 4 && point >= (1UL << (length == 2 ? 11 : 16))) continue;  // does not fit
      const bool right = is_character(point) && length == length_of(point);
      const Utf8Head head = utf8_head(encoded(point, length));
      ASSERT_EQ(head.kind == Utf8Kind::character, right) << std::hex << point << " in " << length;
      ASSERT_EQ(head.length, right ? length : 1) << std::hex << point;
    }
  }
}

/// Whether some continuation makes `bytes` (one to three of them) a character, found by trying them all.
bool can_become_character(const std::string& bytes) {
  if (bytes.size() == 4) return utf8_head(bytes).kind == Utf8Kind::character;
  for (int byte = 0x80; byte < 0xc0; byte++) {
    const std::string longer = bytes + static_cast<char>(byte);
    if (utf8_head(longer).kind == Utf8Kind::character || can_become_character(longer)) return true;
  }
  return false;
}

TEST(Utf8, TellsAPrefixFromWhatNeverBecomesACharacter) {
  for (int first = 0; first < 256; first++) {
    const std::string one(1, static_cast<char>(first));
    const Utf8Kind kind = utf8_head(one).kind;
    EXPECT_EQ(kind == Utf8Kind::prefix, kind != Utf8Kind::character && can_become_character(one)) << first;
    for (int second = 0; second < 256; second++) {
      const std::string two = one + static_cast<char>(second);
      const bool prefix = utf8_head(one).kind == Utf8Kind::prefix &&
                          utf8_head(two).kind != Utf8Kind::character && can_become_character(two);
      ASSERT_EQ(utf8_head(two).kind == Utf8Kind::prefix, prefix) << first << " " << second;
    }
  }
  EXPECT_EQ(utf8_head("\xf0\x9f\x98").kind, Utf8Kind::prefix);
  EXPECT_EQ(utf8_head("\xf0\x9f\x98").length, 3U);
  EXPECT_EQ(utf8_head("\xf0\x9f\x41").kind, Utf8Kind::invalid);
}

TEST(Utf8, FindsTheFirstBadByteAtAnyPosition) {
  const std::string good = "0123456789é北😀";
  EXPECT_EQ(find_invalid_utf8(""), kFine);
  EXPECT_EQ(find_invalid_utf8(good), kFine);
  for (std::size_t before = 0; before < 40; before++) {
    const std::string text(before, 'x');
    EXPECT_EQ(find_invalid_utf8(text + good), kFine);
    EXPECT_EQ(find_invalid_utf8(text + "\xff" + good), before);
    EXPECT_EQ(find_invalid_utf8(text + good + "\x80"), before + good.size());
    EXPECT_EQ(find_invalid_utf8(text + "\xe5\x8c"), before) << "cut at the end";
    EXPECT_EQ(find_invalid_utf8(text + "\xe5\x8c" + good), before);
  }
}

TEST(Utf8, AcceptsNulAndNoncharacters) {
  EXPECT_EQ(find_invalid_utf8(std::string_view("a\0b\0", 4)), kFine);
  EXPECT_EQ(find_invalid_utf8("\xef\xbf\xbf"), kFine);  // U+FFFF
  EXPECT_EQ(find_invalid_utf8("\xef\xb7\x90"), kFine);  // U+FDD0
}

}  // namespace
}  // namespace tramontane
