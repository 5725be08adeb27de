#include "tokenizer/merge_table.h"

#include <algorithm>
#include <utility>

#include "core/fail.h"
#include "tokenizer/byte_hash.h"

namespace tramontane {

void MergeTable::set(TokenId left, TokenId right, Merge<TokenId> merge) {
  if (2 * (size_ + 1) > slots_.size()) grow();
  const std::size_t at = slot_of(left, right);
  if (((at - first_of(left, right)) & (slots_.size() - 1)) > kLongestProbe)
    fail("tokenizer: found merges made to collide");
  Slot& slot = slots_[at];
  if (slot.left == kFree) size_++;
  slot = {left, right, merge};
}

std::optional<Merge<TokenId>> MergeTable::find(TokenId left, TokenId right) const {
  if (slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(left, right)];
  return slot.left == kFree ? std::nullopt : std::optional(slot.merge);
}

/// Where to look first.
std::size_t MergeTable::first_of(TokenId left, TokenId right) const {
  const std::uint64_t key = static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  return mix_bits(key) & (slots_.size() - 1);
}

/// Where the pair is, or else the free slot where it would be.
std::size_t MergeTable::slot_of(TokenId left, TokenId right) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = first_of(left, right);
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
