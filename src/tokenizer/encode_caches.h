#pragma once
#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "tokenizer/byte_hash.h"
#include "tramontane/tokenizer.h"

// What encoding remembers. Both are tables of fixed size in which what is new replaces what hashes alike, so
// that they bound memory and can only miss.
namespace tramontane {

/// The ids of words of one text.
class WordCache {
 public:
  explicit WordCache(std::size_t text_size)
      : slots_(std::bit_ceil(std::clamp(text_size / 16, kFewestSlots, kMostSlots))) {}

  /// Appends to `ids` those of a word that was added.
  bool append(std::string_view word, std::uint64_t hash, std::vector<TokenId>& ids) const {
    const Slot& slot = slots_[hash & (slots_.size() - 1)];
    if (std::string_view(slot.word, slot.size) != word) return false;
    for (std::uint8_t i = 0; i < slot.count; i++) ids.push_back(slot.ids[i]);
    return true;
  }

  /// Its ids are all from `first` on. Long words, which are seldom met again, are left out.
  void add(std::string_view word, std::uint64_t hash, std::size_t first, const std::vector<TokenId>& ids) {
    Slot& slot = slots_[hash & (slots_.size() - 1)];
    const std::size_t count = ids.size() - first;
    if (word.size() > sizeof slot.word || count > std::size(slot.ids)) return;
    std::copy(word.begin(), word.end(), slot.word);
    std::copy(ids.end() - static_cast<std::ptrdiff_t>(count), ids.end(), slot.ids);
    slot.size = static_cast<std::uint8_t>(word.size());
    slot.count = static_cast<std::uint8_t>(count);
  }

 private:
  struct alignas(64) Slot {  // a line of the processor's cache
    char word[34];
    std::uint8_t size = 0;  // bytes
    std::uint8_t count = 0;
    TokenId ids[7];
  };
  static constexpr std::size_t kFewestSlots = 16;
  static constexpr std::size_t kMostSlots = 1 << 12;
  std::vector<Slot> slots_;
};

/// What two pieces of a vocabulary of at most 2^20 merge into, for all texts. Safe to use from several
/// threads at once: a slot is one atomic value, and whoever writes it writes a fact.
class PairCache {
 public:
  /// The number of the piece that `left` and `right` make, which `look_up` tells when it is not known.
  template <class LookUp>
  std::optional<std::uint32_t> find(std::uint32_t left, std::uint32_t right, const LookUp& look_up) const {
    const std::uint64_t pair = std::uint64_t{left + 1} << kBits | right;
    std::atomic<std::uint64_t>& slot = slots_[mix_bits(pair) >> (64 - kSlotBits)];
    const std::uint64_t seen = slot.load(std::memory_order_relaxed);
    if (seen >> (kBits + 1) == pair) {
      const auto merged = static_cast<std::uint32_t>(seen & ((2 << kBits) - 1));
      return merged == 0 ? std::nullopt : std::optional(merged - 1);
    }
    const std::optional<std::uint32_t> merged = look_up();
    slot.store(pair << (kBits + 1) | (merged ? *merged + 1 : 0), std::memory_order_relaxed);
    return merged;
  }

 private:
  static constexpr unsigned kBits = 21;  // of each number; left and merged are counted from 1
  static constexpr unsigned kSlotBits = 15;
  std::unique_ptr<std::atomic<std::uint64_t>[]> slots_ =
      std::make_unique<std::atomic<std::uint64_t>[]>(std::size_t{1} << kSlotBits);
};

}  // namespace tramontane
