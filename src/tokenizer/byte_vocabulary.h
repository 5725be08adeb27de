#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tramontane {

/// Sequences of bytes and their numbers, 0, 1, ... in the order that they were added. A hash table in one
/// array.
class ByteVocabulary {
 public:
  /// False when the sequence is there already, which is then left as it is. Throws Error when too many were
  /// made to collide.
  bool add(std::string_view bytes);

  std::optional<std::uint32_t> find(std::string_view bytes) const;
  /// The same with hash_bytes(bytes) at hand.
  std::optional<std::uint32_t> find(std::string_view bytes, std::uint64_t hash) const;
  std::string_view operator[](std::uint32_t number) const;
  std::size_t size() const { return ends_.size(); }
  std::size_t longest() const { return longest_; }  // in bytes

 private:
  struct Slot {
    std::uint32_t hash = 0;    // the upper half
    std::uint32_t number = 0;  // counted from 1; 0: free
  };
  void grow();
  std::size_t slot_of(std::string_view bytes, std::uint64_t hash) const;

  std::string bytes_;  // of all sequences, end to end
  std::vector<std::size_t> ends_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t longest_ = 0;
};

}  // namespace tramontane
