#include "hub/assembly.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <random>
#include <thread>

#include "hub/support.h"
#include "support/error_of.h"

namespace tramontane::hub {
namespace {

std::string random_bytes(std::size_t size) {
  std::minstd_rand random(7);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class AssemblyTest : public ::testing::Test {
 protected:
  Assembly make(std::int64_t part_size) {
    return {PartialFile(path_, content_of(bytes_), nobody_waits, never),
            static_cast<std::int64_t>(bytes_.size()), part_size};
  }
  void put(Assembly& assembly, std::size_t part, std::int64_t most) {
    const auto [begin, end] = assembly.missing(part);
    const std::int64_t size = std::min(most, end - begin);
    assembly.put(part, std::string_view(bytes_).substr(static_cast<std::size_t>(begin),
                                                       static_cast<std::size_t>(size)));
  }

  testing::TempFolder folder_;
  std::filesystem::path path_ = folder_ / "partial";
  std::string bytes_ = random_bytes(1005);
};

TEST_F(AssemblyTest, PartsInAnyOrderMakeTheFile) {
  Assembly assembly = make(100);
  std::vector<std::size_t> parts;
  while (assembly.has_unclaimed()) parts.push_back(assembly.claim());
  ASSERT_EQ(parts.size(), 11u);
  for (auto part = parts.rbegin(); part != parts.rend(); part++) {
    EXPECT_FALSE(assembly.complete());
    for (int piece = 0; piece < 4; piece++) put(assembly, *part, 30);
  }
  EXPECT_TRUE(assembly.complete());
  EXPECT_EQ(assembly.file().digest(), content_of(bytes_).digest);
  EXPECT_EQ(read_file(path_), bytes_);
}

TEST_F(AssemblyTest, TheDiskHoldsTheBeginningOnly) {
  Assembly assembly = make(100);
  for (int i = 0; i < 3; i++) assembly.claim();
  put(assembly, 0, 40);
  put(assembly, 2, 100);
  EXPECT_EQ(read_file(path_), bytes_.substr(0, 40));
  EXPECT_EQ(assembly.claimed_ahead(), 3u);
  put(assembly, 0, 100);
  EXPECT_EQ(read_file(path_), bytes_.substr(0, 100));
  EXPECT_EQ(assembly.claimed_ahead(), 2u);
  put(assembly, 1, 100);
  EXPECT_EQ(read_file(path_), bytes_.substr(0, 300));
  EXPECT_TRUE(assembly.next_is_first_missing());
}

TEST_F(AssemblyTest, GoesOnFromWhatIsThere) {
  write_file(path_, bytes_.substr(0, 950));
  Assembly assembly = make(100);
  EXPECT_EQ(assembly.claim(), 0u);
  EXPECT_EQ(assembly.missing(0).begin, 950);
  EXPECT_EQ(assembly.missing(0).end, 1005);
  EXPECT_FALSE(assembly.has_unclaimed());
  put(assembly, 0, 100);
  EXPECT_EQ(assembly.file().digest(), content_of(bytes_).digest);
}

TEST_F(AssemblyTest, AWholeFileIsCompleteAtOnceAndCanBeginAgain) {
  write_file(path_, std::string(1005, '?'));
  Assembly assembly = make(1000);
  EXPECT_TRUE(assembly.complete());
  EXPECT_FALSE(assembly.has_unclaimed());
  assembly.restart();
  EXPECT_FALSE(assembly.complete());
  put(assembly, assembly.claim(), 1000);
  put(assembly, assembly.claim(), 1000);
  EXPECT_TRUE(assembly.complete());
  EXPECT_EQ(read_file(path_), bytes_);
}

TEST_F(AssemblyTest, NothingFollowsAHole) {
  Assembly assembly = make(100);
  for (int i = 0; i < 3; i++) assembly.claim();
  put(assembly, 1, 60);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit small{.rlim_cur = 130, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string error = testing::error_of([&] { put(assembly, 0, 100); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, ignored);
  EXPECT_NE(error.find("cannot write"), std::string::npos) << error;
  EXPECT_NE(testing::error_of([&] { put(assembly, 1, 40); }).find("partial: cannot go on"),
            std::string::npos);
  EXPECT_NE(testing::error_of([&] { put(assembly, 2, 40); }).find("partial: cannot go on"),
            std::string::npos);
  EXPECT_EQ(read_file(path_), bytes_.substr(0, 130));
}

TEST_F(AssemblyTest, ThreadsMayPutAtOnce) {
  bytes_ = random_bytes(1 << 20);
  Assembly assembly = make(10'000);
  std::mutex claims;
  const auto work = [&] {
    for (;;) {
      std::unique_lock lock(claims);
      if (!assembly.has_unclaimed()) return;
      const std::size_t part = assembly.claim();
      lock.unlock();
      while (assembly.missing(part).begin < assembly.missing(part).end) put(assembly, part, 777);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(assembly.complete());
  EXPECT_EQ(assembly.file().digest(), content_of(bytes_).digest);
}

}  // namespace
}  // namespace tramontane::hub
