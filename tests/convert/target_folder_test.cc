#include "convert/target_folder.h"

#include <optional>

#include "convert/support.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::error_of;
using testing::read_file;
using testing::write_file;

class TargetFolderTest : public ::testing::Test {
 protected:
  /// A checkpoint that was there before.
  void put_old() {
    fs::create_directory(target_);
    write_file(target_ / "config.json", "old");
    write_file(target_ / "weights.npz", "old");
  }
  std::string refusal(bool overwrite = false) {
    return error_of([&] { TargetFolder folder(resolve_target(target_), overwrite); });
  }
  /// What is beside and at the target.
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(home_.path()), {}));
  }

  testing::TempFolder home_;
  fs::path target_ = home_ / "model";
};

TEST_F(TargetFolderTest, AppearsWhenItIsCommitted) {
  {
    TargetFolder folder(resolve_target(target_), false);
    write_file(folder.path() / "config.json", "new");
    EXPECT_FALSE(fs::exists(target_));
    folder.commit();
  }
  EXPECT_EQ(read_file(target_ / "config.json"), "new");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(TargetFolderTest, LeavesNothingWhenItIsNot) {
  {
    const TargetFolder folder(resolve_target(target_), false);
    write_file(folder.path() / "config.json", "new");
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(TargetFolderTest, WhatIsThereIsRefused) {
  put_old();
  EXPECT_TRUE(contains(refusal(), "expected nothing there, found something (--force replaces it)"));
  EXPECT_EQ(read_file(target_ / "config.json"), "old");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(TargetFolderTest, AnEmptyFolderIsNothing) {
  fs::create_directory(target_);
  TargetFolder(resolve_target(target_), false).commit();
  EXPECT_TRUE(fs::is_directory(target_));
}

TEST_F(TargetFolderTest, ReplacesACheckpointWhole) {
  put_old();
  {
    TargetFolder folder(resolve_target(target_), true);
    write_file(folder.path() / "config.json", "new");
    EXPECT_EQ(read_file(target_ / "config.json"), "old");
    folder.commit();
  }
  EXPECT_EQ(read_file(target_ / "config.json"), "new");
  EXPECT_FALSE(fs::exists(target_ / "weights.npz"));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(TargetFolderTest, TheOldOneStaysWhenTheNewOneFails) {
  put_old();
  {
    const TargetFolder folder(resolve_target(target_), true);
  }
  EXPECT_EQ(testing::files_in(target_).size(), 2U);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(TargetFolderTest, OnlyACheckpointIsReplaced) {
  fs::create_directory(target_);
  write_file(target_ / "letter.txt", "dear");
  EXPECT_TRUE(contains(refusal(true), "expected a checkpoint folder to replace, found something else"));
  fs::remove_all(target_);
  write_file(target_, "a file");
  EXPECT_TRUE(contains(refusal(true), "found something else"));
  EXPECT_TRUE(contains(error_of([] { resolve_target("/"); }), "found the root"));
}

TEST_F(TargetFolderTest, WhatAKilledProcessLeftIsRemoved) {
  fs::create_directory(home_ / "model.partial");
  write_file(home_ / "model.partial/.tramontane-partial", "");
  write_file(home_ / "model.partial/weights.npz", "half");
  TargetFolder(resolve_target(target_), false).commit();
  EXPECT_TRUE(fs::is_empty(target_));
}

TEST_F(TargetFolderTest, WhatNoConversionLeftStays) {
  fs::create_directory(home_ / "model.partial");
  write_file(home_ / "model.partial/letter.txt", "dear");
  EXPECT_TRUE(contains(refusal(), "found a folder that no conversion left"));
  EXPECT_EQ(read_file(home_ / "model.partial/letter.txt"), "dear");
}

TEST_F(TargetFolderTest, ALinkInThePlaceOfThePartialFolderIsNotFollowed) {
  fs::create_directory(home_ / "precious");
  write_file(home_ / "precious/.tramontane-partial", "");
  fs::create_directory_symlink(home_ / "precious", home_ / "model.partial");
  EXPECT_TRUE(contains(refusal(), "cannot open as a folder"));
  EXPECT_TRUE(fs::exists(home_ / "precious/.tramontane-partial"));
}

TEST_F(TargetFolderTest, AProjectWithAConfigurationIsNoCheckpoint) {
  fs::create_directory(target_);
  write_file(target_ / "config.json", "{}");
  EXPECT_TRUE(contains(refusal(true), "found something else"));
  write_file(target_ / "weights.npz", "w");
  fs::create_directory(target_ / ".git");
  EXPECT_TRUE(contains(refusal(true), "found something else"));
  fs::remove(target_ / ".git");
  EXPECT_NO_THROW(TargetFolder(resolve_target(target_), true));
}

TEST_F(TargetFolderTest, PathsAreResolvedAsTheSystemDoes) {
  fs::create_directories(home_ / "other/dir");
  fs::create_directory_symlink(home_ / "other/dir", home_ / "link");
  EXPECT_EQ(resolve_target(home_ / "link/../model").target, fs::canonical(home_.path()) / "other/model");
}

TEST_F(TargetFolderTest, TwoAtATimeAreRefused) {
  std::optional<TargetFolder> first(std::in_place, resolve_target(target_), false);
  write_file(first->path() / "config.json", "first");
  EXPECT_TRUE(contains(refusal(), "another process is writing it"));
  first->commit();
  first.reset();
  EXPECT_EQ(read_file(target_ / "config.json"), "first");
}

TEST_F(TargetFolderTest, ATargetThatComesMeanwhileIsNotReplaced) {
  TargetFolder folder(resolve_target(target_), false);
  put_old();
  EXPECT_TRUE(contains(error_of([&] { folder.commit(); }), "expected nothing there"));
  EXPECT_EQ(read_file(target_ / "config.json"), "old");
}

TEST_F(TargetFolderTest, FoldersAboveAreMade) {
  TargetFolder(resolve_target(home_ / "a/b/c/"), false).commit();
  EXPECT_TRUE(fs::is_directory(home_ / "a/b/c"));
}

TEST_F(TargetFolderTest, WhatALinkLeadsToIsReplaced) {
  put_old();
  fs::create_directory_symlink(target_, home_ / "link");
  {
    TargetFolder folder(resolve_target(home_ / "link"), true);
    write_file(folder.path() / "config.json", "new");
    folder.commit();
  }
  EXPECT_TRUE(fs::is_symlink(home_ / "link"));
  EXPECT_EQ(read_file(target_ / "config.json"), "new");
}

}  // namespace
}  // namespace tramontane
