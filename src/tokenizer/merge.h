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

/// The ranks of few pairs, and the lowest of them: in blocks, so that a change costs the look at one.
class ShortPairs {
 public:
  static constexpr std::size_t kMost = 128;
  static constexpr std::uint32_t kNever = ~std::uint32_t{0};  // no rank is as high

  explicit ShortPairs(std::size_t count) : blocks_((count + kBlock - 1) / kBlock) {
    std::fill(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(blocks_ * kBlock), kNone);
  }

  void set(std::size_t place, std::uint32_t rank) {
    start(place, rank);
    update(place / kBlock);
  }

  /// As set(), for many that are followed by update_all().
  void start(std::size_t place, std::uint32_t rank) {
    keys_[place] = rank == kNever ? kNone : std::uint64_t{rank} << 32 | place;
  }
  void update_all() {
    for (std::size_t block = 0; block < blocks_; block++) update(block);
  }

  /// Of equal ranks the first.
  std::optional<std::size_t> best() const {
    const std::uint64_t key = least(lowest_.data(), blocks_);
    return key == kNone ? std::nullopt : std::optional<std::size_t>(key & 0xffffffffU);
  }

 private:
  static constexpr std::size_t kBlock = 8;
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  static std::uint64_t least(const std::uint64_t* keys, std::size_t count) {
    std::uint64_t key = kNone;
    for (std::size_t i = 0; i < count; i++) key = std::min(key, keys[i]);
    return key;
  }
  void update(std::size_t block) { lowest_[block] = least(&keys_[block * kBlock], kBlock); }

  std::size_t blocks_;
  std::array<std::uint64_t, kMost> keys_;             // rank and place
  std::array<std::uint64_t, kMost / kBlock> lowest_;  // of each block
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
  static constexpr std::size_t kFewParts = ShortPairs::kMost;
  static constexpr std::uint32_t kNever = ShortPairs::kNever;

  using Place = std::uint32_t;  // of a part, of which there are at most as many as a text has bytes

  void run_short(std::vector<Part>& parts) {
    const std::size_t end = parts.size();
    ShortPairs pairs(end);
    std::array<Part, kFewParts> merged;                  // what each part and the next become
    std::array<std::uint8_t, kFewParts> previous, next;  // places of parts
    const auto look_up_pair = [&](std::size_t left) {
      const auto merge = next[left] < end ? merge_of_(parts[left], parts[next[left]]) : std::nullopt;
      if (merge) merged[left] = merge->merged;
      return merge ? merge->rank : kNever;
    };
    for (std::size_t i = 0; i < end; i++) {
      previous[i] = static_cast<std::uint8_t>(i - 1);
      next[i] = static_cast<std::uint8_t>(i + 1);
    }
    for (std::size_t i = 0; i + 1 < end; i++) pairs.start(i, look_up_pair(i));
    pairs.update_all();
    while (const auto best = pairs.best()) {
      const std::size_t left = *best;
      const std::size_t right = next[left];
      parts[left] = std::move(merged[left]);
      next[left] = next[right];
      if (next[left] < end) previous[next[left]] = static_cast<std::uint8_t>(left);
      pairs.set(right, kNever);
      pairs.set(left, look_up_pair(left));
      if (left > 0) pairs.set(previous[left], look_up_pair(previous[left]));
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < end; i = next[i], kept++) {
      if (kept != i) parts[kept] = std::move(parts[i]);
    }
    parts.resize(kept);
  }

  void run_long(std::vector<Part>& parts) {
    const auto end = static_cast<Place>(parts.size());
    links_.resize(end);
    for (Place i = 0; i < end; i++) links_[i] = {i - 1, i + 1, 0};
    for (Place i = 0; i + 1 < end; i++) look_up(parts, i);
    while (!heap_.empty()) {
      const Candidate best = heap_.top();
      heap_.pop();
      const Place left = best.left;
      if (links_[left].changes != best.changes) continue;
      const Place right = links_[left].next;
      const auto merge = merge_of_(parts[left], parts[right]);  // again: the heap is smaller without it
      if (!merge) continue;
      parts[left] = merge->merged;
      links_[right].changes++;
      links_[left].next = links_[right].next;
      if (links_[left].next < end) links_[links_[left].next].previous = left;
      look_up(parts, left);
      if (left > 0) look_up(parts, links_[left].previous);
    }
    std::size_t kept = 0;
    for (Place i = 0; i < end; i = links_[i].next) parts[kept++] = parts[i];
    parts.resize(kept);
  }

  /// Puts the pair of `left` and what is now next to it on the heap; what was there of `left` is void.
  void look_up(const std::vector<Part>& parts, Place left) {
    const std::uint32_t changes = ++links_[left].changes;
    const Place right = links_[left].next;
    if (right == parts.size()) return;
    if (const auto merge = merge_of_(parts[left], parts[right])) heap_.push({merge->rank, left, changes});
  }

  struct Link {
    Place previous, next;
    std::uint32_t changes;  // of the pair that starts here
  };
  struct Candidate {
    std::uint32_t rank;
    Place left;
    std::uint32_t changes;
    bool operator<(const Candidate& other) const {  // the queue's top is the largest
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };

  MergeOf merge_of_;
  std::vector<Link> links_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace tramontane
