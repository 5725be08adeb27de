#include "hub/environment.h"

#include <gtest/gtest.h>

#include <map>

#include "hub/support.h"
#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using testing::error_of;
using Variables = std::map<std::string, std::string>;

GetVariable in(Variables variables) {
  return [variables = std::move(variables)](const char* name) {
    const auto at = variables.find(name);
    return at == variables.end() ? nullptr : at->second.c_str();
  };
}

TEST(EnvironmentTest, Defaults) {
  const Environment environment = read_environment(in({{"HOME", "/nowhere"}}));
  EXPECT_EQ(environment.endpoint, "https://huggingface.co");
  EXPECT_EQ(environment.cache, "/nowhere/.cache/huggingface/hub");
  EXPECT_EQ(environment.token, "");
  EXPECT_EQ(environment.timeout_seconds, 10);
  EXPECT_FALSE(environment.offline);
  EXPECT_TRUE(environment.symlinks);
}

TEST(EnvironmentTest, TheCacheFollowsTheMostSpecificVariable) {
  Variables variables = {{"HOME", "/h"}};
  const auto expect = [&](const char* name, const char* value, const char* cache) {
    variables[name] = value;
    EXPECT_EQ(cache_folder(in(variables)), cache);
  };
  expect("XDG_CACHE_HOME", "/x", "/x/huggingface/hub");
  expect("HF_HOME", "~/y", "/h/y/hub");
  expect("HUGGINGFACE_HUB_CACHE", "/z", "/z");
  expect("HF_HUB_CACHE", "~", "/h");
  expect("HF_HUB_CACHE", "", "/z");
}

TEST(EnvironmentTest, WithoutAHomeItAsksForOne) {
  EXPECT_NE(error_of([] { cache_folder(in({})); }).find("HF_HOME"), std::string::npos);
}

TEST(EnvironmentTest, TokensAreTrimmed) {
  const testing::TempFolder home;
  write_file(home / "token", " hf_file \r\n");
  EXPECT_EQ(read_environment(in({{"HF_HOME", home.path().string()}})).token, "hf_file");
  EXPECT_EQ(read_environment(in({{"HF_HOME", home.path().string()}, {"HF_TOKEN", "hf_x\n"}})).token, "hf_x");
  EXPECT_EQ(
      read_environment(in({{"HF_HOME", home.path().string()}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "true"}}))
          .token,
      "");
}

TEST(EnvironmentTest, ABadTokenIsNotRepeated) {
  const std::string error = error_of([] { read_environment(in({{"HOME", "/h"}, {"HF_TOKEN", "se cret"}})); });
  EXPECT_EQ(error.find("cret"), std::string::npos);
}

TEST(EnvironmentTest, Endpoints) {
  EXPECT_EQ(read_environment(in({{"HOME", "/h"}, {"HF_ENDPOINT", "http://localhost:80//"}})).endpoint,
            "http://localhost:80");
  for (const char* bad : {"localhost", "ftp://x", "http://a@b", "http://a b", "https://\n"}) {
    EXPECT_NE(
        error_of([&] { read_environment(in({{"HOME", "/h"}, {"HF_ENDPOINT", bad}})); }).find("HF_ENDPOINT"),
        std::string::npos);
  }
}

TEST(EnvironmentTest, Switches) {
  for (const char* yes : {"1", "on", "Yes", "TRUE"}) {
    EXPECT_TRUE(read_environment(in({{"HOME", "/h"}, {"HF_HUB_OFFLINE", yes}})).offline);
  }
  for (const char* no : {"", "0", "off", "2"}) {
    EXPECT_FALSE(read_environment(in({{"HOME", "/h"}, {"HF_HUB_OFFLINE", no}})).offline);
  }
}

}  // namespace
}  // namespace tramontane::hub
