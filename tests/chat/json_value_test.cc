#include "chat/json_value.h"

#include <gtest/gtest.h>

#include <limits>

#include "chat/support.h"

namespace tramontane {
namespace {

std::string again(std::string_view text) {
  const std::optional<JsonValue> value = read_json(text);
  return value ? write_json(*value) : "a syntax error";
}

TEST(ChatJsonValue, KeepsTheOrderOfKeysAndTheLastOfEqualOnes) {
  EXPECT_EQ(again(R"({"b":1,"a":[ ],"b":{"c":null}})"), R"({"b": {"c": null}, "a": []})");
}

TEST(ChatJsonValue, WritesNumbersAsPythonDoes) {
  const std::vector<std::pair<double, std::string>> cases = {{0.0, "0.0"},
                                                             {-0.0, "-0.0"},
                                                             {1.0, "1.0"},
                                                             {0.1, "0.1"},
                                                             {123.456, "123.456"},
                                                             {1e15, "1000000000000000.0"},
                                                             {1e16, "1e+16"},
                                                             {1.5e300, "1.5e+300"},
                                                             {1e-4, "0.0001"},
                                                             {1e-5, "1e-05"},
                                                             {-2.5e-7, "-2.5e-07"},
                                                             {5e-324, "5e-324"},
                                                             {12345678.9, "12345678.9"}};
  for (const auto& [value, text] : cases) EXPECT_EQ(write_number(value), text);
  EXPECT_EQ(write_number(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(write_number(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

TEST(ChatJsonValue, NumbersBeyondADoubleAreInfiniteOrZero) {
  EXPECT_EQ(again("[1e400, -1e400, 1e-400, -1e-400]"), "[Infinity, -Infinity, 0.0, -0.0]");
  EXPECT_EQ(again("[0.00001e400, 100000e-400, 1e99999999999999999999, 1e-99999999999999999999]"),
            "[Infinity, 0.0, Infinity, 0.0]");
  EXPECT_EQ(again("123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(again("-0"), "0");
}

TEST(ChatJsonValue, EscapesOnlyWhatJsonMustEscape) {
  EXPECT_EQ(again(R"("\u00e9\/\u0001\u007f\ud83d\ude00\"\\\n")"), "\"é/\\u0001\x7f😀\\\"\\\\\\n\"");
}

TEST(ChatJsonValue, RefusesWhatPythonCannotUse) {
  EXPECT_NO_THROW(read_json(std::string(512, '[')));
  EXPECT_EQ(refusal_of([] { read_json(std::string(513, '[')); }),
            "format: expected JSON nested at most 512 deep, found deeper");
  std::string many = "[0";
  for (int i = 0; i < 1 << 20; i++) many += ",0";
  EXPECT_EQ(refusal_of([&] { read_json(many + "]"); }),
            "format: expected JSON of at most 1048576 values, found more");
  EXPECT_NO_THROW(read_json(std::string(4300, '1')));
  EXPECT_EQ(refusal_of([] { read_json(std::string(4301, '1')); }),
            "format: expected an integer of at most 4300 digits, found 4301");
  EXPECT_EQ(refusal_of([] { read_json(R"("\ud800")"); }),
            "format: expected Unicode text, found half a surrogate pair");
  EXPECT_EQ(again(R"("\ud800)"), "a syntax error");
  EXPECT_EQ(refusal_of([] { read_json("\"\xff\""); }),
            "format: expected UTF-8, found another byte at offset 1");
}

}  // namespace
}  // namespace tramontane
