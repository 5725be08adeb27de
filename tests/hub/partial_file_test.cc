#include "hub/partial_file.h"

#include <gtest/gtest.h>

#include <thread>

#include "hub/support.h"
#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using testing::error_of;

const std::string kBytes = "all the bytes there are";

class PartialFileTest : public ::testing::Test {
 protected:
  PartialFile open() { return {path_, content_of(kBytes), nobody_waits, never}; }

  testing::TempFolder folder_;
  std::filesystem::path path_ = folder_ / "sub/partial";
};

TEST_F(PartialFileTest, TakesUpWhatIsThere) {
  {
    PartialFile file = open();
    EXPECT_EQ(file.size(), 0);
    file.append(kBytes.substr(0, 7));
    file.append(kBytes.substr(7, 3));
  }
  PartialFile file = open();
  EXPECT_EQ(file.size(), 10);
  file.append(kBytes.substr(10));
  EXPECT_EQ(file.digest(), content_of(kBytes).digest);
  file.publish(folder_ / "other/final");
  EXPECT_EQ(read_file(folder_ / "other/final"), kBytes);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PartialFileTest, PublishingReplaces) {
  write_file(folder_ / "final", "old");
  PartialFile file = open();
  file.append(kBytes);
  file.publish(folder_ / "final");
  EXPECT_EQ(read_file(folder_ / "final"), kBytes);
}

TEST_F(PartialFileTest, WhatIsTooLongStartsAnew) {
  write_file(path_, kBytes + "!");
  EXPECT_EQ(open().size(), 0);
  EXPECT_EQ(read_file(path_), "");
}

TEST_F(PartialFileTest, RestartForgetsBytesAndDigest) {
  PartialFile file = open();
  file.append("wrong");
  file.restart();
  file.append(kBytes);
  EXPECT_EQ(file.digest(), content_of(kBytes).digest);
  EXPECT_EQ(read_file(path_), kBytes);
}

TEST_F(PartialFileTest, HasOneOwner) {
  auto first = std::make_unique<PartialFile>(open());
  bool waited = false;
  const auto waiting = [&] { waited = true; };
  EXPECT_THROW(PartialFile(path_, content_of(kBytes), waiting, [] { return true; }), Stopped);
  EXPECT_TRUE(waited);
  first->append(kBytes);
  std::thread publisher([&] {
    first->publish(folder_ / "final");
    first.reset();
  });
  EXPECT_EQ(open().size(), 0);  // another file than the published one
  publisher.join();
  EXPECT_EQ(read_file(folder_ / "final"), kBytes);
}

TEST_F(PartialFileTest, PublishesNoOtherFile) {
  PartialFile file = open();
  file.append(kBytes);
  write_file(folder_ / "other", "not these");
  std::filesystem::rename(folder_ / "other", path_);
  EXPECT_NE(error_of([&] { file.publish(folder_ / "final"); }).find("another one has its name"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "final"));
}

TEST_F(PartialFileTest, WaitsWhileItsFolderIsRemoved) {
  auto first = std::make_unique<PartialFile>(open());
  const auto end = [&] {  // as another process ends
    first->publish(folder_ / "final");
    first.reset();
    std::filesystem::remove(path_.parent_path());
  };
  EXPECT_EQ(PartialFile(path_, content_of(kBytes), end, never).size(), 0);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(PartialFileTest, ALinkToNowhereIsNotWaitedForEndlessly) {
  std::filesystem::create_directories(path_.parent_path());
  std::filesystem::create_symlink(folder_ / "no/such", path_);
  int asked = 0;
  const auto stop = [&] { return ++asked == 3; };
  EXPECT_THROW(PartialFile(path_, content_of(kBytes), nobody_waits, stop), Stopped);
}

TEST_F(PartialFileTest, ErrorsNameTheFile) {
  std::filesystem::create_directories(path_);
  EXPECT_NE(error_of([&] { open(); }).find(path_.string() + ": cannot open"), std::string::npos);
}

TEST_F(PartialFileTest, DigestOfAFile) {
  write_file(path_, kBytes);
  EXPECT_EQ(digest_of_file(path_, content_of(kBytes), never), content_of(kBytes).digest);
  EXPECT_THROW(digest_of_file(path_, content_of(kBytes), [] { return true; }), Stopped);
  EXPECT_NE(
      error_of([&] { digest_of_file(folder_ / "none", content_of(kBytes), never); }).find("cannot read"),
      std::string::npos);
}

}  // namespace
}  // namespace tramontane::hub
