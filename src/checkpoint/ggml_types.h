#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tramontane {

/// A tensor type of ggml: rows are made of blocks, each of some consecutive elements.
struct GgmlType {
  std::uint32_t number;
  std::string_view name;
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
};

// The types that a conversion reads, by their numbers in a file.
constexpr std::uint32_t kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ5_0 = 6, kQ5_1 = 7, kQ8_0 = 8, kQ2_K = 10,
                        kQ3_K = 11, kQ4_K = 12, kQ5_K = 13, kQ6_K = 14, kBF16 = 30;

/// Null: a number that this program does not know.
const GgmlType* find_ggml_type(std::uint32_t number);

/// "Q4_K", or "type 99" for a number that this program does not know.
std::string name_of_ggml_type(std::uint32_t number);

}  // namespace tramontane
