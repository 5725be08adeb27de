#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/shape.h"
#include "core/mapped_file.h"
#include "tramontane/dtype.h"

namespace tramontane {

/// View of one tensor where it lies in its file (or in memory owned by the checkpoint, when it was
/// compressed): row-major, little-endian, at any alignment. bytes.size() == product(shape) * size_of(dtype).
struct TensorView {
  std::string name;  // as the file spells it
  std::string file;  // for messages
  DType dtype = DType::float32;
  /// Of a type that DType lacks, as the file spells it: such a tensor is harmless while nothing needs it, and
  /// dtype and the size of bytes say nothing. Empty: dtype holds.
  std::string other_dtype;
  Shape shape;
  std::span<const std::byte> bytes;
};

/// Owner of a checkpoint folder's mapped files, with its tensors by name and its configuration. Immutable;
/// move-only; the views stay valid as long as it lives. Reading costs a pass over the headers only.
class Checkpoint {
 public:
  /// config.json with weights as MLX or Hugging Face name them, or Mistral's own params.json with
  /// consolidated ones. `overrides` stand in for what the configuration says. Throws Error for whatever is
  /// wrong with the folder, its configuration or the headers of its weight files, and for what only a
  /// conversion reads: weights in fp8, and .pth files in several shards.
  static Checkpoint open(const std::filesystem::path& folder, const ConfigOverrides& overrides = {});

  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  const std::filesystem::path& folder() const;
  const Config& config() const;
  std::span<const TensorView> tensors() const;          // sorted by name, without duplicates
  const TensorView* find(std::string_view name) const;  // null: absent
  std::string_view format() const;                      // "npz", "safetensors", "pth"
  std::string_view config_name() const;                 // "config.json", "params.json"
  const MappedFiles& files() const;                     // that hold the tensors, but inflated ones

 private:
  struct Impl;
  explicit Checkpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tramontane
