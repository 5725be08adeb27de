#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "tokenizer/merge.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// Which token two neighbours become, and when. A hash table in one array.
class MergeTable {
 public:
  /// What was known of the pair is forgotten. Throws Error when too many pairs were made to collide.
  void set(TokenId left, TokenId right, Merge<TokenId> merge);
  std::optional<Merge<TokenId>> find(TokenId left, TokenId right) const;

 private:
  struct Slot {
    TokenId left = kFree;
    TokenId right = kFree;
    Merge<TokenId> merge = {};
  };
  static constexpr TokenId kFree = -1;
  std::size_t first_of(TokenId left, TokenId right) const;
  std::size_t slot_of(TokenId left, TokenId right) const;
  void grow();

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t size_ = 0;
};

}  // namespace tramontane
