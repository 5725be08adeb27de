#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tramontane/dtype.h"

namespace tramontane {

/// What a file's header says of one tensor.
struct TensorHeader {
  std::string name;
  DType dtype = DType::float32;
  std::vector<std::int64_t> shape;

  std::uint64_t bytes() const {
    std::uint64_t n = size_of(dtype);
    for (const auto size : shape) n *= static_cast<std::uint64_t>(size);
    return n;
  }
};

/// Everything before the data in an npy file, of the format's version `major`.0 (1, 2 or 3), as MLX writes
/// it.
std::string npy_header(const TensorHeader& tensor, int major = 1);

/// Everything before the data in a safetensors file that holds these tensors one after the other, marked as
/// MLX's.
std::string safetensors_header(std::span<const TensorHeader> tensors);

}  // namespace tramontane
