#pragma once
#include <cstddef>
#include <string_view>

namespace tramontane {

/// Element types that occur in checkpoints and caches. All are little-endian.
enum class DType { float32, float16, bfloat16, uint32 };

/// Bytes per element.
constexpr std::size_t size_of(DType dtype) {
  return dtype == DType::float32 || dtype == DType::uint32 ? 4 : 2;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "float32";
    case DType::float16:
      return "float16";
    case DType::bfloat16:
      return "bfloat16";
    case DType::uint32:
      return "uint32";
  }
  return "?";
}

}  // namespace tramontane
