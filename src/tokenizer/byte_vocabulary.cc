#include "tokenizer/byte_vocabulary.h"

#include <algorithm>

#include "core/fail.h"
#include "tokenizer/byte_hash.h"

namespace tramontane {

bool ByteVocabulary::add(std::string_view bytes) {
  if (2 * (size() + 1) > slots_.size()) grow();
  const std::uint64_t hash = hash_bytes(bytes);
  const std::size_t at = slot_of(bytes, hash);
  if (((at - hash) & (slots_.size() - 1)) > kLongestProbe) fail("tokenizer: found pieces made to collide");
  Slot& slot = slots_[at];
  if (slot.number != 0) return false;
  bytes_ += bytes;
  ends_.push_back(bytes_.size());
  slot = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(size())};
  longest_ = std::max(longest_, bytes.size());
  return true;
}

std::optional<std::uint32_t> ByteVocabulary::find(std::string_view bytes) const {
  return bytes.size() > longest_ ? std::nullopt : find(bytes, hash_bytes(bytes));
}

std::optional<std::uint32_t> ByteVocabulary::find(std::string_view bytes, std::uint64_t hash) const {
  if (bytes.size() > longest_ || slots_.empty()) return std::nullopt;
  const Slot& slot = slots_[slot_of(bytes, hash)];
  return slot.number == 0 ? std::nullopt : std::optional(slot.number - 1);
}

std::string_view ByteVocabulary::operator[](std::uint32_t number) const {
  const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
  return std::string_view(bytes_).substr(begin, ends_[number] - begin);
}

void ByteVocabulary::grow() {
  slots_.assign(std::max<std::size_t>(1024, 2 * slots_.size()), Slot());
  for (std::uint32_t number = 0; number < size(); number++) {
    const std::uint64_t hash = hash_bytes((*this)[number]);
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].number != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {static_cast<std::uint32_t>(hash >> 32), number + 1};
  }
}

/// Where `bytes` are, or else the free slot where they would be.
std::size_t ByteVocabulary::slot_of(std::string_view bytes, std::uint64_t hash) const {
  const auto upper = static_cast<std::uint32_t>(hash >> 32);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].number != 0 && (slots_[at].hash != upper || (*this)[slots_[at].number - 1] != bytes)) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

}  // namespace tramontane
