#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/memory.h"
#include "kernels/kernels.h"
#include "tramontane/dtype.h"

namespace tramontane {

using SequenceId = std::int64_t;

struct KvCacheShape {
  int n_layers = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  DType dtype = DType::float16;  // or float32, or int8 with a float32 scale for each head and position
  std::int64_t block_tokens = 64;

  std::size_t head_bytes() const {  // a key or a value
    const std::size_t scale = dtype == DType::int8 ? sizeof(float) : 0;
    return static_cast<std::size_t>(head_dim) * size_of(dtype) + scale;
  }
  std::size_t bytes_per_token() const {  // keys and values of all layers
    return std::size_t{2} * static_cast<std::size_t>(n_layers) * static_cast<std::size_t>(n_kv_heads) *
           head_bytes();
  }
  std::size_t block_bytes() const { return bytes_per_token() * static_cast<std::size_t>(block_tokens); }
};

/// The keys and values of many sequences, in blocks of `block_tokens` positions (paged attention, Kwon et al.
/// 2023, arXiv:2309.06180). A block spans all layers. Each sequence has a table of blocks; blocks are
/// reference-counted, so that forked sequences share what they have in common until one of them writes.
/// Blocks that were given back are kept for reuse. Owner; not thread-safe.
class KvCache {
 public:
  using Allocate = std::function<Buffer(std::size_t bytes)>;
  explicit KvCache(KvCacheShape shape, Allocate allocate = allocate_host);

  SequenceId create();
  /// A new sequence with the same contents; nothing is copied until one of the two grows.
  SequenceId fork(SequenceId parent);
  void release(SequenceId sequence);

  /// Positions stored so far, those already dropped included: the position of the next token.
  std::int64_t length(SequenceId sequence) const { return get(sequence).length; }

  /// Makes positions [length, length + tokens) writable and counts them in. Throws Error when memory runs
  /// out; the sequence is then as it was.
  void extend(SequenceId sequence, std::int64_t tokens);

  /// Forgets the positions from `length` on. Needs oldest(sequence) <= length <= length(sequence).
  void truncate(SequenceId sequence, std::int64_t length);

  /// The first position that is still stored; 0 until something was dropped.
  std::int64_t oldest(SequenceId sequence) const { return get(sequence).dropped * shape_.block_tokens; }

  /// Gives back the blocks that hold only positions before `oldest`.
  void drop_before(SequenceId sequence, std::int64_t oldest);

  /// Where to find one layer's keys and values. Valid until the sequence is extended, dropped or released.
  KvView view(SequenceId sequence, int layer) const;

  const KvCacheShape& shape() const { return shape_; }
  std::size_t allocated_bytes() const { return blocks_.size() * shape_.block_bytes(); }
  std::size_t blocks_in_use() const { return blocks_.size() - free_.size(); }

 private:
  using BlockId = std::size_t;
  struct Block {
    Buffer memory;
    int references = 0;
  };
  struct Sequence {
    std::vector<std::byte*> table;  // by position / block_tokens; null: dropped
    std::vector<BlockId> ids;       // the same, as indices into blocks_
    std::int64_t length = 0;
    std::int64_t dropped = 0;  // leading table entries that were given back
  };

  Sequence& get(SequenceId id) { return sequences_.at(id); }
  const Sequence& get(SequenceId id) const { return sequences_.at(id); }
  BlockId acquire();
  void give_back(BlockId id);

  KvCacheShape shape_;
  Allocate allocate_;
  std::vector<Block> blocks_;
  std::vector<BlockId> free_;
  std::unordered_map<SequenceId, Sequence> sequences_;
  SequenceId next_sequence_ = 0;
};

}  // namespace tramontane
