#include "core/fail.h"

#include <gtest/gtest.h>

#include <string>

namespace tramontane {
namespace {

using namespace std::string_view_literals;

TEST(Fail, ThrowsErrorWithTheFormattedText) {
  try {
    fail("{}: expected {}, found {}", "config.json", 1, 2);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "config.json: expected 1, found 2");
  }
}

TEST(Fail, DoesNotReadItsArgumentsAsFormats) {
  try {
    fail("{}", "a {} b {0} %s");
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "a {} b {0} %s");
  }
}

TEST(Quoted, LeavesPrintableTextAsItIs) {
  EXPECT_EQ(printable("layers.0 (wq) ~!"sv), "'layers.0 (wq) ~!'");
  EXPECT_EQ(printable(""sv), "''");
}

TEST(Quoted, EscapesWhateverIsNotPrintableAscii) {
  EXPECT_EQ(printable("a\0b\n\x1b[31m\x7f"sv), "'a\\x00b\\x0a\\x1b[31m\\x7f'");
  EXPECT_EQ(printable("é"sv), "'\\xc3\\xa9'");
  for (int byte = 0; byte < 256; byte++) {
    for (const char c : printable(std::string(1, static_cast<char>(byte)))) {
      EXPECT_TRUE(c >= 0x20 && c < 0x7f) << byte;
    }
  }
}

TEST(Quoted, CutsLongText) {
  EXPECT_EQ(printable(std::string(80, 'x')), "'" + std::string(80, 'x') + "'");
  EXPECT_EQ(printable(std::string(81, 'x')), "'" + std::string(80, 'x') + "...'");
  EXPECT_LE(printable(std::string(1 << 20, '\n')).size(), 80U * 4 + 5);
}

TEST(Quoted, TakesStringsWithoutFindingTheStandardLibrarysOwn) {
  std::string changeable = "a";
  const std::string constant = "b";
  EXPECT_EQ(printable(changeable), "'a'");
  EXPECT_EQ(printable(constant), "'b'");
  EXPECT_EQ(printable(std::string("c")), "'c'");
}

TEST(OneLine, SpellsOutControlCharacters) {
  EXPECT_EQ(one_line("a\0b\n\x1b[31m\x7f"sv), "a\\x00b\\x0a\\x1b[31m\\x7f");
  EXPECT_EQ(one_line("\xc2\x80\xc2\x9b"
                     "31m\xc2\x9f"sv),
            "\\xc2\\x80\\xc2\\x9b31m\\xc2\\x9f");
}

TEST(OneLine, LeavesOtherTextAsItIs) {
  for (const std::string_view text : {"\u00a0é漢👩\u200d"sv, "\xc2"sv, "\x9b"sv, ""sv})
    EXPECT_EQ(one_line(text), text);
}

TEST(HumanBytes, UsesDecimalUnitsAndThreeDigits) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(96), "96 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1 kB");
  EXPECT_EQ(human_bytes(12500000), "12.5 MB");
  EXPECT_EQ(human_bytes(4100000000), "4.1 GB");
  EXPECT_EQ(human_bytes(1.5e12), "1.5 TB");
}

TEST(HumanBytes, StaysReadableBeyondItsUnits) {
  EXPECT_EQ(human_bytes(2e15), "2e+03 TB");
  EXPECT_EQ(human_bytes(18446744073709551615.0), "1.84e+07 TB");
}

}  // namespace
}  // namespace tramontane
