#include "tokenizer/merge.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace tramontane {
namespace {

using Ranks = std::map<std::string, std::uint32_t>;
using Parts = std::vector<std::string>;

/// As byte pair encoding is defined: the lowest rank of all, leftmost, again and again.
Parts merge_slowly(Parts parts, const Ranks& ranks) {
  while (true) {
    std::size_t best = parts.size();
    for (std::size_t i = 0; i + 1 < parts.size(); i++) {
      const auto rank = ranks.find(parts[i] + parts[i + 1]);
      if (rank == ranks.end()) continue;
      if (best == parts.size() || rank->second < ranks.at(parts[best] + parts[best + 1])) best = i;
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Merge, MergesShortAndLongPiecesAsDefined) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; round++) {
    Ranks ranks;  // of random texts over two letters; several may have one rank
    for (int i = 0; i < 30; i++) {
      std::string token;
      for (unsigned n = 2 + random() % 5; n > 0; n--) token += random() % 3 != 0 ? 'a' : 'b';
      ranks.emplace(token, random() % 25);
    }
    const auto merge_of = [&](const std::string& left,
                              const std::string& right) -> std::optional<Merge<std::string>> {
      const auto rank = ranks.find(left + right);
      if (rank == ranks.end()) return std::nullopt;
      return Merge<std::string>{rank->second, left + right};
    };
    Merger<std::string, decltype(merge_of)> merger(merge_of);
    for (const unsigned size : {0U, 1U, 2U, 7U, 8U, 9U, 50U, 127U, 128U, 129U, 200U}) {
      Parts parts;
      for (unsigned i = 0; i < size; i++) parts.emplace_back(1, random() % 3 != 0 ? 'a' : 'b');
      const Parts expected = merge_slowly(parts, ranks);
      merger.run(parts);
      ASSERT_EQ(parts, expected);
    }
  }
}

}  // namespace
}  // namespace tramontane
