#include "hub/retry.h"

#include <fmt/chrono.h>
#include <gtest/gtest.h>

#include <chrono>

#include "hub/support.h"
#include "support/error_of.h"

namespace tramontane::hub {
namespace {

using testing::error_of;

TEST(RetryTest, WaitsDoubleWithSomeChanceUpToTheLongest) {
  Backoff backoff({.retries = 6, .first_seconds = 1, .longest_seconds = 10});
  for (const double least : {1., 2., 4., 8.}) {
    const auto seconds = backoff.next({"cut"});
    ASSERT_TRUE(seconds);
    EXPECT_GE(*seconds, least);
    EXPECT_LE(*seconds, std::min(1.5 * least, 10.));
  }
  EXPECT_EQ(backoff.next({"cut"}), 10);
  EXPECT_EQ(backoff.next({"cut"}), 10);
  EXPECT_FALSE(backoff.next({"cut"}));
}

TEST(RetryTest, ProgressStartsTheCountAnew) {
  Backoff backoff({.retries = 1, .first_seconds = 1});
  EXPECT_TRUE(backoff.next({"cut"}));
  EXPECT_TRUE(backoff.next({.reason = "cut", .progressed = true}));
  EXPECT_FALSE(backoff.next({"cut"}));
}

TEST(RetryTest, ThePeerIsWaitedForWhenItAsks) {
  Backoff backoff({.first_seconds = 1, .longest_asked_seconds = 100});
  EXPECT_EQ(backoff.next({.reason = "429", .wait_seconds = 70}), 70);
  EXPECT_GE(*backoff.next({.reason = "429", .wait_seconds = 0}), 2);
  EXPECT_FALSE(backoff.next({.reason = "429", .wait_seconds = 101}));
}

TEST(RetryTest, RetryAfterIsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("120"), 120);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
  const auto later = std::chrono::system_clock::now() + std::chrono::seconds(90);
  const std::string date =
      fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::chrono::system_clock::to_time_t(later)));
  const auto seconds = parse_retry_after(date);
  ASSERT_TRUE(seconds);
  EXPECT_NEAR(*seconds, 90, 5);
  for (const char* bad : {"", "soon", "-1", "1e3", "99999999999999999999"})
    EXPECT_FALSE(parse_retry_after(bad)) << bad;
}

TEST(RetryTest, TellsOfEachAttemptAndGivesUp) {
  std::vector<std::string> notes;
  const RetryContext context{
      {.retries = 2, .first_seconds = 0.001}, never, [&](const std::string& note) { notes.push_back(note); }};
  int calls = 0;
  const std::string error = error_of([&] {
    retry("file", context,
          [&]() -> std::optional<Trouble> { return Trouble{"cut " + std::to_string(++calls)}; });
  });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(error, "file: cut 3; given up, what has come is kept");
  EXPECT_EQ(notes, (std::vector<std::string>{"file: cut 1; trying again in 0.0 s",
                                             "file: cut 2; trying again in 0.0 s"}));
}

TEST(RetryTest, StopsWhileWaiting) {
  const RetryContext context{
      {.first_seconds = 60, .longest_seconds = 60}, [] { return true; }, [](const std::string&) {}};
  EXPECT_THROW(retry("file", context, []() -> std::optional<Trouble> { return Trouble{"cut"}; }), Stopped);
}

}  // namespace
}  // namespace tramontane::hub
