#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tramontane {

/// Sizes of each dimension, outermost first. At most 8.
using Shape = std::vector<std::int64_t>;
constexpr std::size_t kMostDimensions = 8;

/// Bytes that a tensor of this shape takes; none when a size is negative or the product leaves 63 bits.
std::optional<std::uint64_t> bytes_of(const Shape& shape, std::size_t element_bytes);

/// "[512, 64]"
std::string to_string(const Shape& shape);

}  // namespace tramontane
