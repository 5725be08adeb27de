#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tramontane {

KvCache::KvCache(KvCacheShape shape, Allocate allocate) : shape_(shape), allocate_(std::move(allocate)) {}

SequenceId KvCache::create() {
  sequences_.emplace(next_sequence_, Sequence{});
  return next_sequence_++;
}

SequenceId KvCache::fork(SequenceId parent) {
  Sequence copy = get(parent);
  for (auto i = static_cast<std::size_t>(copy.dropped); i < copy.ids.size(); i++)
    blocks_[copy.ids[i]].references++;
  sequences_.emplace(next_sequence_, std::move(copy));
  return next_sequence_++;
}

void KvCache::release(SequenceId id) {
  const Sequence& sequence = get(id);
  for (auto i = static_cast<std::size_t>(sequence.dropped); i < sequence.ids.size(); i++)
    give_back(sequence.ids[i]);
  sequences_.erase(id);
}

void KvCache::extend(SequenceId id, std::int64_t tokens) {
  Sequence& sequence = get(id);
  const bool last_is_partial = sequence.length % shape_.block_tokens != 0;
  if (last_is_partial && tokens > 0 && blocks_[sequence.ids.back()].references > 1) {  // copy on write
    const BlockId copy = acquire();
    std::memcpy(blocks_[copy].memory.get(), sequence.table.back(), shape_.block_bytes());
    give_back(std::exchange(sequence.ids.back(), copy));
    sequence.table.back() = blocks_[copy].memory.get();
  }
  const std::int64_t length = sequence.length + tokens;
  const auto needed = static_cast<std::size_t>((length + shape_.block_tokens - 1) / shape_.block_tokens);
  const std::size_t had = sequence.ids.size();
  try {
    while (sequence.ids.size() < needed) {
      sequence.ids.push_back(acquire());
      sequence.table.push_back(blocks_[sequence.ids.back()].memory.get());
    }
  } catch (...) {
    while (sequence.ids.size() > had) {
      give_back(sequence.ids.back());
      sequence.ids.pop_back();
    }
    sequence.table.resize(had);
    throw;
  }
  sequence.length = length;
}

void KvCache::truncate(SequenceId id, std::int64_t length) {
  Sequence& sequence = get(id);
  const auto needed = static_cast<std::size_t>((length + shape_.block_tokens - 1) / shape_.block_tokens);
  for (std::size_t i = needed; i < sequence.ids.size(); i++) give_back(sequence.ids[i]);
  sequence.ids.resize(needed);
  sequence.table.resize(needed);
  sequence.length = length;
}

void KvCache::drop_before(SequenceId id, std::int64_t oldest) {
  Sequence& sequence = get(id);
  const std::int64_t keep_from = std::min(oldest, sequence.length) / shape_.block_tokens;
  for (; sequence.dropped < keep_from; sequence.dropped++) {
    const auto i = static_cast<std::size_t>(sequence.dropped);
    give_back(sequence.ids[i]);
    sequence.table[i] = nullptr;
  }
}

KvView KvCache::view(SequenceId id, int layer) const {
  const Sequence& sequence = get(id);
  const std::size_t layer_bytes = shape_.block_bytes() / static_cast<std::size_t>(shape_.n_layers);
  const auto heads = static_cast<std::size_t>(shape_.block_tokens * shape_.n_kv_heads);
  const std::size_t half = heads * static_cast<std::size_t>(shape_.head_dim) * size_of(shape_.dtype);
  KvView view;
  view.blocks = sequence.table;
  view.key_offset = static_cast<std::size_t>(layer) * layer_bytes;
  view.value_offset = view.key_offset + half;
  view.key_scale_offset = view.value_offset + half;
  view.value_scale_offset = view.key_scale_offset + heads * sizeof(float);
  view.block_tokens = shape_.block_tokens;
  view.n_kv_heads = shape_.n_kv_heads;
  view.head_dim = shape_.head_dim;
  view.dtype = shape_.dtype;
  return view;
}

KvCache::BlockId KvCache::acquire() {
  if (free_.empty()) {
    blocks_.push_back({allocate_(shape_.block_bytes()), 0});
    free_.push_back(blocks_.size() - 1);
  }
  const BlockId id = free_.back();
  free_.pop_back();
  blocks_[id].references = 1;
  return id;
}

void KvCache::give_back(BlockId id) {
  if (--blocks_[id].references == 0) free_.push_back(id);
}

}  // namespace tramontane
