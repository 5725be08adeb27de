#pragma once
#include <cstddef>
#include <string_view>

namespace tramontane {

/// Element types that occur in checkpoints and caches (int8 only there; uint8 are scales of small floats).
/// All are little-endian.
enum class DType { float32, float16, bfloat16, uint32, int8, uint8 };

constexpr bool is_float(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float16 || dtype == DType::bfloat16;
}

/// Bytes per element.
constexpr std::size_t size_of(DType dtype) {
  if (dtype == DType::int8 || dtype == DType::uint8) return 1;
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
    case DType::int8:
      return "int8";
    case DType::uint8:
      return "uint8";
  }
  return "?";
}

}  // namespace tramontane
