#include "tokenizer/encode_caches.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace tramontane {
namespace {

TEST(WordCache, GivesTheIdsOfAWordOrMisses) {
  WordCache words(100);
  std::vector<TokenId> ids = {7};
  EXPECT_FALSE(words.append("the", hash_bytes("the"), ids));
  for (int i = 0; i < 1000; i++) {  // more than there is room for, of every size
    const std::string word = std::string(static_cast<std::size_t>(i) % 40, 'x') + std::to_string(i);
    const std::size_t first = ids.size();
    ids.insert(ids.end(), static_cast<std::size_t>(i) % 9 + 1, i);
    words.add(word, hash_bytes(word), first, ids);
    std::vector<TokenId> again;
    const bool kept = words.append(word, hash_bytes(word), again);
    EXPECT_EQ(kept, word.size() <= 34 && ids.size() - first <= 7) << word;
    if (kept) {
      EXPECT_EQ(again, std::vector<TokenId>(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end()));
    }
  }
}

/// The sum, unless it is a multiple of three.
std::optional<std::uint32_t> rule(std::uint32_t left, std::uint32_t right) {
  return (left + right) % 3 == 0 ? std::nullopt : std::optional((left + right) % (1U << 20));
}

TEST(PairCache, GivesWhatLookingUpGivesFromSeveralThreads) {
  const PairCache pairs;
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (std::uint32_t i = 0; i < 200000; i++) {
        const std::uint32_t left = i % 300 == 0 ? (1U << 20) - 1 : i % 400;
        const std::uint32_t right = i * 7 % 500;
        if (pairs.find(left, right, [&] { return rule(left, right); }) != rule(left, right)) count++;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(PairCache, LooksAPairUpOnce) {
  const PairCache pairs;
  int calls = 0;
  for (int i = 0; i < 3; i++) {
    pairs.find(0, 0, [&]() -> std::optional<std::uint32_t> { return calls++, std::nullopt; });
    EXPECT_EQ(pairs.find(5, 6, [&]() -> std::optional<std::uint32_t> { return calls++, 0U; }), 0U);
  }
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace tramontane
