#include "checkpoint/ggml_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tramontane {
namespace {

// As gguf 0.19.0's GGML_QUANT_SIZES has them.
constexpr std::array<GgmlType, 34> kTypes = {{
    {kF32, "F32", 1, 4},       {kF16, "F16", 1, 2},       {kQ4_0, "Q4_0", 32, 18},
    {kQ4_1, "Q4_1", 32, 20},   {kQ5_0, "Q5_0", 32, 22},   {kQ5_1, "Q5_1", 32, 24},
    {kQ8_0, "Q8_0", 32, 34},   {9, "Q8_1", 32, 40},       {kQ2_K, "Q2_K", 256, 84},
    {kQ3_K, "Q3_K", 256, 110}, {kQ4_K, "Q4_K", 256, 144}, {kQ5_K, "Q5_K", 256, 176},
    {kQ6_K, "Q6_K", 256, 210}, {15, "Q8_K", 256, 292},    {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},   {18, "IQ3_XXS", 256, 98},  {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},    {21, "IQ3_S", 256, 110},   {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136},  {24, "I8", 1, 1},          {25, "I16", 1, 2},
    {26, "I32", 1, 4},         {27, "I64", 1, 8},         {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},    {kBF16, "BF16", 1, 2},     {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},    {39, "MXFP4", 32, 17},     {40, "NVFP4", 64, 36},
    {41, "Q1_0", 128, 18},
}};

}  // namespace

const GgmlType* find_ggml_type(std::uint32_t number) {
  const auto* type =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const GgmlType& t) { return t.number == number; });
  return type == kTypes.end() ? nullptr : type;
}

std::string name_of_ggml_type(std::uint32_t number) {
  const GgmlType* type = find_ggml_type(number);
  return type == nullptr ? fmt::format("type {}", number) : std::string(type->name);
}

}  // namespace tramontane
