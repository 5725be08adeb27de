#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

#include "checkpoint/tensor_headers.h"

namespace tramontane {

/// Arrays on their way into the weight files of a folder. All sizes are known beforehand, so that any piece
/// of any array can be written at any time, from any thread. Errors name the file.
class ArrayWriter {
 public:
  virtual ~ArrayWriter() = default;
  ArrayWriter(const ArrayWriter&) = delete;
  ArrayWriter& operator=(const ArrayWriter&) = delete;

  /// Bytes of array `array` from `offset`. Every byte of every array must be written once.
  virtual void write(std::size_t array, std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  /// What can only be written last. Returns when the files are complete and on the disk.
  virtual void finish() = 0;

 protected:
  ArrayWriter() = default;
};

/// One weights.npz, its members stored.
std::unique_ptr<ArrayWriter> npz_writer(const std::filesystem::path& folder,
                                        const std::vector<TensorHeader>& arrays);

/// model.safetensors, or shards of at most `shard_bytes` (a larger array has one for itself), and
/// model.safetensors.index.json. `parameters` is what the index says of the model's size.
struct ShardOptions {
  std::uint64_t shard_bytes = std::uint64_t{5} << 30;
  std::int64_t parameters = 0;
};
std::unique_ptr<ArrayWriter> safetensors_writer(const std::filesystem::path& folder,
                                                const std::vector<TensorHeader>& arrays,
                                                const ShardOptions& options);

}  // namespace tramontane
