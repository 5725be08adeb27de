#include "tokenizer/merge_table.h"

#include <algorithm>
#include <utility>

namespace tramontane {

void MergeTable::set(TokenId left, TokenId right, Merge<TokenId> merge) {
  if (2 * (size_ + 1) > slots_.size()) grow();
  Slot& slot = slots_[slot_of(left, right)];
  if (slot.left == kFree) size_++;
  slot = {left, right, merge};
}

std::optional<Merge<TokenId>> MergeTable::find(TokenId left, TokenId right) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(left, right)];
  return slot.left == kFree ? std::nullopt : std::optional(slot.merge);
}

/// Where the pair is, or else the free slot where it would be.
std::size_t MergeTable::slot_of(TokenId left, TokenId right) const {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // spreads neighbouring ids over the upper bits
  const std::uint64_t key = static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = static_cast<std::size_t>((key * kOdd) >> 32) & mask;
  while (slots_[at].left != kFree && (slots_[at].left != left || slots_[at].right != right)) {
    at = (at + 1) & mask;
  }
  return at;
}

void MergeTable::grow() {
  const std::vector<Slot> old = std::exchange(slots_, {});
  slots_.resize(std::max<std::size_t>(1024, 2 * old.size()));
  for (const Slot& slot : old) {
    if (slot.left != kFree) slots_[slot_of(slot.left, slot.right)] = slot;
  }
}

}  // namespace tramontane
