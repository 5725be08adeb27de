#include "chat/json_slices.h"

#include <gtest/gtest.h>

namespace tramontane {
namespace {

using namespace std::string_view_literals;
using Slices = std::vector<std::string_view>;

TEST(JsonSlices, AnObjectIsOneWholeObject) {
  for (const auto text : {"{}"sv, " {\"a\": [1, {\"b\": null}]}\n"sv, R"({"a": "\u00e9 \" } \\"})"sv}) {
    EXPECT_TRUE(is_json_object(text)) << text;
  }
  for (const auto text :
       {""sv, " "sv, "[]"sv, "1"sv, "\"{}\""sv, "{"sv, "{}}"sv, "{} {}"sv, "{a: 1}"sv, "{'a': 1}"sv,
        "{\"a\": 1,}"sv, "{\"a\": NaN}"sv, "{}\0"sv, "{}\0x"sv, "\xef\xbb\xbf{}"sv, "{\"a\": \"\n\"}"sv}) {
    EXPECT_FALSE(is_json_object(text)) << text;
  }
}

TEST(JsonSlices, ElementsAndMembersStayAsWritten) {
  EXPECT_EQ(array_slices("[]"), Slices{});
  EXPECT_EQ(array_slices(" [ ] "), Slices{});
  EXPECT_EQ(array_slices(R"([1.50, "a,]\"", {"b" : [1 ,2]} , [ ] ])"),
            (Slices{"1.50", R"("a,]\"")", R"({"b" : [1 ,2]})", "[ ]"}));
  EXPECT_EQ(array_slices("{}"), std::nullopt);
  EXPECT_EQ(array_slices("[1"), std::nullopt);
  EXPECT_EQ(array_slices(""), std::nullopt);

  const auto members = object_slices(R"( {"k\u0065y": {"x": 1, "y": [2]}, "key": "a:b" , "" : 1e3} )");
  ASSERT_EQ(members.size(), 3U);
  EXPECT_EQ(members[0], (std::pair<std::string, std::string_view>("key", R"({"x": 1, "y": [2]})")));
  EXPECT_EQ(members[1], (std::pair<std::string, std::string_view>("key", R"("a:b")")));
  EXPECT_EQ(members[2], (std::pair<std::string, std::string_view>("", "1e3")));
  EXPECT_TRUE(object_slices("{ }").empty());
}

TEST(JsonSlices, StringsAreDecoded) {
  EXPECT_EQ(string_value(R"("a\n\u00e9")"), "a\né");
  EXPECT_EQ(string_value("12"), std::nullopt);
}

TEST(JsonSlices, NestingMayBeDeep) {
  constexpr std::size_t kDepth = 1'000'000;
  const std::string deep = std::string(kDepth, '[') + std::string(kDepth, ']');
  const auto slices = array_slices(deep);
  ASSERT_TRUE(slices);
  ASSERT_EQ(slices->size(), 1U);
  EXPECT_EQ((*slices)[0].size(), 2 * kDepth - 2);
  EXPECT_TRUE(is_json_object("{\"a\":" + deep + "}"));
}

}  // namespace
}  // namespace tramontane
