#include "hub/listing.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using nlohmann::json;
using testing::error_of;

const std::string kCommit(40, 'c');
const std::string kBlob(40, 'b');
const std::string kSha(64, 'a');

json small(const std::string& name) { return {{"rfilename", name}, {"size", 5}, {"blobId", kBlob}}; }

json large(const std::string& name) {
  return {{"rfilename", name},
          {"size", 7},
          {"blobId", kBlob},
          {"lfs", {{"sha256", kSha}, {"size", 7}, {"pointerSize", 1}}}};
}

json listing(const json& files) { return {{"id", "a/b"}, {"sha", kCommit}, {"siblings", files}}; }

std::string error_for(const json& value) {
  return error_of([&] { parse_listing(value.dump(), "list"); });
}

TEST(ListingTest, SmallAndLargeFiles) {
  const Listing parsed =
      parse_listing(listing({small("config.json"), large("x/y.safetensors")}).dump(), "list");
  EXPECT_EQ(parsed.commit, kCommit);
  ASSERT_EQ(parsed.files.size(), 2u);
  EXPECT_EQ(parsed.files[0].name, "config.json");
  EXPECT_EQ(parsed.files[0].content, (Content{DigestKind::git_sha1, kBlob, 5}));
  EXPECT_EQ(parsed.files[1].name, "x/y.safetensors");
  EXPECT_EQ(parsed.files[1].content, (Content{DigestKind::sha256, kSha, 7}));
}

TEST(ListingTest, ErrorsNameTheFile) {
  json files = {small("a"), small("b")};
  files[1]["size"] = "5";
  EXPECT_EQ(error_for(listing(files)),
            "list: key 'siblings[1].size': expected an integer in 0..35184372088832, found '5'");
  files[1] = large("b");
  files[1]["lfs"].erase("sha256");
  EXPECT_EQ(error_for(listing(files)),
            "list: key 'siblings[1].lfs.sha256': expected 64 hexadecimal digits, found nothing");
  EXPECT_EQ(error_for(listing({small("a"), small("a")})), "list: file 'a' is there twice");
}

TEST(ListingTest, DigestsMustBeSafeNames) {
  for (const std::string& bad : {std::string(), std::string("../../../../etc/passwd"), std::string(40, 'B'),
                                 std::string(39, 'b') + "/"}) {
    json file = small("a");
    file["blobId"] = bad;
    EXPECT_NE(error_for(listing(json::array({file}))).find("blobId"), std::string::npos);
  }
}

TEST(ListingTest, SizesCanBeAddedUp) {
  for (const json& bad : {json(-1), json(std::uint64_t{1} << 63), json((std::int64_t{1} << 45) + 1),
                          json(1.5), json(nullptr)}) {
    json file = small("a");
    file["size"] = bad;
    EXPECT_NE(error_for(listing(json::array({file}))).find("size"), std::string::npos);
  }
}

TEST(ListingTest, NamesThatLeaveTheFolder) {
  for (const char* bad : {"../a", "/a", "a/../../b", ""}) {
    EXPECT_NE(error_for(listing(json::array({small(bad)}))).find("expected the name of a file"),
              std::string::npos);
  }
}

TEST(ListingTest, WhatIsNoListing) {
  for (const json& bad :
       {json::array(), json::object(), json{{"sha", kCommit}}, json{{"sha", kCommit}, {"siblings", 1}},
        json{{"sha", "main"}, {"siblings", json::array()}}, listing(json::array({1}))}) {
    EXPECT_NE(error_for(bad), "");
  }
}

}  // namespace
}  // namespace tramontane::hub
