#include "core/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <vector>

#include "tramontane/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)  // gcc's names
#define TRAMONTANE_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TRAMONTANE_SANITIZED
#endif
#endif

namespace tramontane {
namespace {

class ThreadPoolTest : public ::testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, EveryItemRunsExactlyOnce) {
  ThreadPool pool(GetParam());
  EXPECT_EQ(pool.size(), GetParam());
  for (const std::int64_t count : {0, 1, 2, 3, 7, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    pool.for_each(count, [&](std::int64_t item, int thread) {
      ASSERT_TRUE(thread >= 0 && thread < pool.size());
      runs[static_cast<std::size_t>(item)]++;
    });
    for (const auto& n : runs) EXPECT_EQ(n, 1);
  }
}

TEST_P(ThreadPoolTest, AThreadGoesThroughNeighboursAndThenTakesFromTheEnds) {
  ThreadPool pool(GetParam(), true);
  constexpr std::int64_t kItems = 1000;
  std::vector<std::vector<std::int64_t>> taken(static_cast<std::size_t>(pool.size()));
  pool.for_each(kItems, [&](std::int64_t item, int thread) {
    taken[static_cast<std::size_t>(thread)].push_back(item);
  });
  const auto share = [&](std::int64_t item) {
    std::int64_t i = 0;
    while (item >= kItems * (i + 1) / pool.size()) i++;
    return i;
  };
  for (std::size_t thread = 0; thread < taken.size(); thread++) {
    const auto& items = taken[thread];
    for (std::size_t i = 1; i < items.size(); i++) {
      if (share(items[i]) != share(items[i - 1])) continue;
      const bool own = share(items[i]) == static_cast<std::int64_t>(thread);
      EXPECT_TRUE(own ? items[i] == items[i - 1] + 1 : items[i] < items[i - 1]);
    }
  }
}

TEST_P(ThreadPoolTest, WhatAThreadCannotComeToIsDoneByOthers) {
  ThreadPool pool(GetParam());
  if (pool.size() == 1) return;
  constexpr int kItems = 100;
  std::atomic<int> others{0};
  pool.for_each(kItems, [&](std::int64_t item, int) {
    if (item != 0) {
      others++;
      others.notify_one();
      return;
    }
    for (int done = others; done < kItems - 1; done = others) others.wait(done);
  });
  EXPECT_EQ(others, kItems - 1);
}

// What a forward pass does: many small jobs, each seeing what the one before wrote.
TEST_P(ThreadPoolTest, EachJobSeesTheOneBefore) {
  ThreadPool pool(GetParam());
  std::vector<int> values(64, 0);
  for (int round = 0; round < 2000; round++) {
    pool.for_each(64, [&](std::int64_t item, int) {
      const auto i = static_cast<std::size_t>(item);
      values[i] = values[i] + 1;
    });
  }
  EXPECT_EQ(values, std::vector<int>(64, 2000));
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolTest, ::testing::Values(1, 2, 3, 8));

#if !defined(TRAMONTANE_SANITIZED)  // whose shadow memory needs address space
enum : int { kRefused = 3, kMade = 4 };

// In a process of its own: a destructor that waits for a thread that never was, or an exception that leaves
// one joinable, would end the test program.
[[noreturn]] void make_a_pool_without_room() {
  constexpr rlim_t kBytes = 512UL << 20;  // the stacks of 4096 threads take 32 GB
  const rlimit limit{kBytes, kBytes};
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
  int outcome = kMade;
  try {
    const ThreadPool pool(4096);
  } catch (const Error&) {
    outcome = kRefused;
  }
  _exit(outcome);
}

TEST(ThreadPoolDeathTest, MoreThreadsThanTheSystemGivesAreAnError) {
  EXPECT_EXIT(make_a_pool_without_room(), ::testing::ExitedWithCode(kRefused), "");
}
#endif

TEST(ThreadPool, PinnedThreadsStayOnOneCpu) {
  ThreadPool pool(2, true);
  std::atomic<int> allowed{0};
  std::barrier both(2);
  pool.for_each(2, [&](std::int64_t, int thread) {
    both.arrive_and_wait();  // one item each
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (thread == 1 && sched_getaffinity(0, sizeof cpus, &cpus) == 0) allowed = CPU_COUNT(&cpus);
  });
  // Without a second core there is nothing to pin to.
  if (default_thread_count() > 1) EXPECT_EQ(allowed, 1);
}

TEST(ThreadPool, TheDefaultIsAtLeastOneThread) { EXPECT_GE(default_thread_count(), 1); }

}  // namespace
}  // namespace tramontane
