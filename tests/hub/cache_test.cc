#include "hub/cache.h"

#include <gtest/gtest.h>

#include <exception>
#include <thread>

#include "hub/support.h"
#include "support/error_of.h"

namespace tramontane::hub {
namespace {

namespace fs = std::filesystem;
using testing::error_of;

const std::string kCommit(40, 'c');

class CacheTest : public ::testing::Test {
 protected:
  RemoteFile add_blob(const std::string& name, const std::string& bytes) {
    const RemoteFile file{name, content_of(bytes)};
    write_file(cache_.blob("o/n", file.content.digest), bytes);
    return file;
  }

  testing::TempFolder folder_;
  Cache cache_{folder_.path()};
};

TEST_F(CacheTest, LinksAreRelativeAtAnyDepth) {
  cache_.link("o/n", kCommit, add_blob("config.json", "{}"), true);
  const RemoteFile deep = add_blob("a/b/c", "deep");
  cache_.link("o/n", kCommit, deep, true);
  const fs::path snapshot = folder_ / "models--o--n" / "snapshots" / kCommit;
  EXPECT_EQ(fs::read_symlink(snapshot / "a/b/c").string(), "../../../../blobs/" + deep.content.digest);
  EXPECT_EQ(read_file(snapshot / "config.json"), "{}");
}

TEST_F(CacheTest, ALinkReplacesWhatIsThere) {
  cache_.link("o/n", kCommit, add_blob("x", "old"), true);
  cache_.link("o/n", kCommit, add_blob("x", "new"), true);
  EXPECT_EQ(read_file(cache_.snapshot("o/n", kCommit) / "x"), "new");
}

TEST_F(CacheTest, WithoutSymbolicLinksFilesAreThereAllTheSame) {
  const RemoteFile file = add_blob("x", "bytes");
  for (int again = 0; again < 2; again++) {
    cache_.link("o/n", kCommit, file, false);
    EXPECT_FALSE(fs::is_symlink(cache_.snapshot("o/n", kCommit) / "x"));
    EXPECT_EQ(read_file(cache_.snapshot("o/n", kCommit) / "x"), "bytes");
  }
  fs::remove(cache_.blob("o/n", file.content.digest));
  cache_.link("o/n", kCommit, file, false);
  EXPECT_EQ(read_file(cache_.snapshot("o/n", kCommit) / "x"), "bytes");
}

TEST_F(CacheTest, ALinkIsMadeByManyAtOnce) {
  const RemoteFile file = add_blob("x", "bytes");
  const fs::path snapshot = cache_.snapshot("o/n", kCommit);
  for (const bool symlinks : {true, false}) {
    for (int round = 0; round < 50; round++) {
      fs::remove(snapshot / "x");
      std::vector<std::string> errors(4);
      std::vector<std::thread> threads;
      for (std::string& error : errors) {
        threads.emplace_back([&] {
          try {
            cache_.link("o/n", kCommit, file, symlinks);
          } catch (const std::exception& thrown) {
            error = thrown.what();
          }
        });
      }
      for (auto& thread : threads) thread.join();
      EXPECT_EQ(errors, std::vector<std::string>(4));
    }
    EXPECT_EQ(read_file(snapshot / "x"), "bytes");
    EXPECT_EQ(std::distance(fs::directory_iterator(snapshot), fs::directory_iterator()), 1);
  }
}

TEST_F(CacheTest, FindsByBranchTagAndCommit) {
  EXPECT_FALSE(cache_.find({"o/n"}));
  cache_.link("o/n", kCommit, add_blob("x", "bytes"), true);
  EXPECT_FALSE(cache_.find({"o/n"}));
  cache_.write_ref({"o/n"}, kCommit);
  cache_.write_ref({"o/n", "refs/pr/1"}, kCommit);
  cache_.write_ref({"o/n", kCommit}, kCommit);
  for (const std::string& revision : {std::string("main"), std::string("refs/pr/1"), kCommit}) {
    EXPECT_EQ(cache_.find({"o/n", revision}), cache_.snapshot("o/n", kCommit)) << revision;
  }
  EXPECT_FALSE(cache_.find({"o/n", "v1"}));
  EXPECT_FALSE(cache_.find({"o/n", std::string(40, 'd')}));
  EXPECT_FALSE(cache_.find({"o/n", "refs"}));
  EXPECT_FALSE(fs::exists(folder_ / "models--o--n" / "refs" / kCommit));
}

TEST_F(CacheTest, ARefThatLeadsElsewhereIsRefused) {
  write_file(folder_ / "models--o--n" / "refs" / "main", "../../../../etc");
  EXPECT_NE(error_of([&] { cache_.find({"o/n"}); }).find("expected a commit of 40 hexadecimal digits"),
            std::string::npos);
}

TEST_F(CacheTest, ARefIsOnlyTheCommit) {
  cache_.write_ref({"o/n"}, std::string(40, 'd'));
  cache_.write_ref({"o/n"}, kCommit);
  const fs::path refs = folder_ / "models--o--n" / "refs";
  EXPECT_EQ(read_file(refs / "main"), kCommit);
  EXPECT_EQ(std::distance(fs::directory_iterator(refs), fs::directory_iterator()), 1);
}

TEST_F(CacheTest, TheTagIsWrittenOnce) {
  cache_.tag();
  EXPECT_TRUE(
      read_file(folder_ / "CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
  write_file(folder_ / "CACHEDIR.TAG", "mine");
  cache_.tag();
  EXPECT_EQ(read_file(folder_ / "CACHEDIR.TAG"), "mine");
}

}  // namespace
}  // namespace tramontane::hub
