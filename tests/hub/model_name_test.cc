#include "hub/model_name.h"

#include <gtest/gtest.h>

#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using testing::error_of;
using testing::error_or_none;

TEST(ModelNameTest, OwnerAndName) {
  const ModelName name = parse_model_name("mistralai/Mistral-7B-v0.1");
  EXPECT_EQ(name.repo, "mistralai/Mistral-7B-v0.1");
  EXPECT_EQ(name.revision, "main");
}

TEST(ModelNameTest, ARevisionAfterTheName) {
  EXPECT_EQ(parse_model_name("a/b@v1.0").revision, "v1.0");
  EXPECT_EQ(parse_model_name("a/b@refs/pr/12").revision, "refs/pr/12");
}

TEST(ModelNameTest, NamesThatTheHubDoesNotAllow) {
  const std::string longest = "a/" + std::string(94, 'b');
  EXPECT_TRUE(try_parse_model_name(longest));
  EXPECT_FALSE(try_parse_model_name(longest + "b"));
  for (const char* name :
       {"",        "a",      "/",     "a/",         "/b",    "a/b/c",  "../b",   "a/..",
        ".a/b",    "a/b.",   "-a/b",  "a/b-",       "a/b c", "a/b--c", "a--b/c", "a/b..c",
        "a/b.git", "a\\b/c", "a/b\n", "a/\xc3\xa9", "~/b",   "a/b@",   "a/b@..", "a/b@c@{"}) {
    EXPECT_FALSE(try_parse_model_name(name)) << name;
    EXPECT_NE(error_of([&] { parse_model_name(name); }).find("OWNER/NAME"), std::string::npos);
  }
  EXPECT_TRUE(try_parse_model_name("_a/b_"));
}

TEST(ModelNameTest, RevisionsAreWhatGitAllows) {
  for (const char* good :
       {"main", "v0.1", "refs/pr/1", "a-b_c", "26bca36bde8333b5d7f72e9ed20ccda6a618af24", "f\xc3\xa9"}) {
    EXPECT_EQ(error_or_none([&] { check_revision(good); }), "") << good;
  }
  for (const char* bad :
       {"",      "..",  "a..b", "a/../b", "/a",  "a/", "a//b", ".a", "a/.b", "a.",  "a.lock", "-a",  "@",
        "a@{1}", "a b", "a~1",  "a^",     "a:b", "a?", "a*",   "a[", "a\\b", "a\n", "\x7f",   "\xff"}) {
    EXPECT_NE(error_of([&] { check_revision(bad); }), "") << bad;
  }
}

TEST(ModelNameTest, FileNamesStayInTheirFolder) {
  for (const char* good : {"config.json", "a/b/c", "..a", "a..b", "a b", ".hidden", "f\xc3\xa9"}) {
    EXPECT_EQ(error_or_none([&] { check_file_name(good, "here"); }), "") << good;
  }
  const std::string long_part(256, 'a');
  for (const std::string& bad :
       {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("."),
        std::string(".."), std::string("a/../b"), std::string("a/.."), std::string("./a"),
        std::string("a\\b"), std::string("a\0b", 3), std::string("a\n"), std::string("\xff"), long_part,
        "a/" + long_part}) {
    EXPECT_NE(error_of([&] { check_file_name(bad, "here"); }).find("here: expected the name of a file"),
              std::string::npos);
  }
}

TEST(ModelNameTest, Commits) {
  EXPECT_TRUE(is_commit("26bca36bde8333b5d7f72e9ed20ccda6a618af24"));
  EXPECT_FALSE(is_commit("26BCA36bde8333b5d7f72e9ed20ccda6a618af24"));
  EXPECT_FALSE(is_commit("26bca36bde8333b5d7f72e9ed20ccda6a618af2"));
  EXPECT_FALSE(is_commit("26bca36bde8333b5d7f72e9ed20ccda6a618af2/"));
}

}  // namespace
}  // namespace tramontane::hub
