#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

namespace tramontane {

/// What two neighbours become when they are merged, and when that is: the lowest rank first, and of equal
/// ranks the leftmost.
template <class Part>
struct Merge {
  std::uint32_t rank;
  Part merged;
};

/// Byte pair encoding of one piece at a time; keeps its buffers from one to the next. `merge_of(left, right)`
/// gives the std::optional<Merge<Part>> of two neighbours.
template <class Part, class MergeOf>
class Merger {
 public:
  explicit Merger(MergeOf merge_of) : merge_of_(std::move(merge_of)) {}

  /// Merges neighbours among `parts` until no two can be. Time is near linear in their number.
  void run(std::vector<Part>& parts) {
    if (parts.size() < 2) return;
    if (parts.size() <= kFewParts) {
      run_short(parts);
    } else {
      run_long(parts);
    }
  }

 private:
  static constexpr std::size_t kFewParts = 48;                // for which looking at every pair beats a heap
  static constexpr std::uint32_t kNever = ~std::uint32_t{0};  // no rank is as high

  void run_short(std::vector<Part>& parts) {
    std::array<std::uint32_t, kFewParts> ranks;  // of each part with the next
    std::array<Part, kFewParts> merged;          // they become this
    const auto look_up_pair = [&](std::size_t at) {
      const auto merge = merge_of_(parts[at], parts[at + 1]);
      ranks[at] = merge ? merge->rank : kNever;
      if (merge) merged[at] = merge->merged;
    };
    std::size_t pairs = parts.size() - 1;
    for (std::size_t i = 0; i < pairs; i++) look_up_pair(i);
    while (pairs > 0) {
      const auto best = std::min_element(
          ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(pairs));  // the first of equals
      if (*best == kNever) break;
      const auto place = best - ranks.begin();
      const auto at = static_cast<std::size_t>(place);
      parts[at] = std::move(merged[at]);
      std::move(parts.begin() + place + 2, parts.begin() + static_cast<std::ptrdiff_t>(pairs) + 1,
                parts.begin() + place + 1);
      std::move(merged.begin() + place + 1, merged.begin() + static_cast<std::ptrdiff_t>(pairs),
                merged.begin() + place);
      std::move(best + 1, ranks.begin() + static_cast<std::ptrdiff_t>(pairs), best);
      pairs--;
      if (at < pairs) look_up_pair(at);
      if (at > 0) look_up_pair(at - 1);
    }
    parts.resize(pairs + 1);
  }

  void run_long(std::vector<Part>& parts) {
    const std::size_t end = parts.size();
    links_.resize(end);
    for (std::size_t i = 0; i < end; i++) links_[i] = {i - 1, i + 1, 0};
    for (std::size_t i = 0; i + 1 < end; i++) look_up(parts, i);
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const std::size_t left = best.left;
      if (links_[left].changes != best.changes) continue;
      const std::size_t right = links_[left].next;
      parts[left] = best.merge.merged;
      links_[right].changes++;
      links_[left].next = links_[right].next;
      if (links_[left].next < end) links_[links_[left].next].previous = left;
      look_up(parts, left);
      if (left > 0) look_up(parts, links_[left].previous);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < end; i = links_[i].next) parts[kept++] = parts[i];
    parts.resize(kept);
  }

  /// Puts the pair of `left` and what is now next to it on the heap; what was there of `left` is void.
  void look_up(const std::vector<Part>& parts, std::size_t left) {
    const std::uint32_t changes = ++links_[left].changes;
    const std::size_t right = links_[left].next;
    if (right == parts.size()) return;
    if (const auto merge = merge_of_(parts[left], parts[right])) heap_.push({left, changes, *merge});
  }

  struct Link {
    std::size_t previous, next;  // places of parts
    std::uint32_t changes;       // of the pair that starts here
  };
  struct Candidate {
    std::size_t left;
    std::uint32_t changes;
    Merge<Part> merge;
    bool operator<(const Candidate& other) const {  // the queue's top is the largest
      return merge.rank != other.merge.rank ? merge.rank > other.merge.rank : left > other.left;
    }
  };

  MergeOf merge_of_;
  std::vector<Link> links_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace tramontane
