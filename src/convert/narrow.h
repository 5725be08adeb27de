#pragma once
#include <cstddef>
#include <span>

#include "tramontane/dtype.h"

// Conversions to the float types that a target may have.
namespace tramontane {

/// Writes `values` as elements of `dtype`, each rounded to nearest even, to `out`, at any address.
void narrow(std::span<const float> values, DType dtype, std::byte* out);

/// Rounds each of `values` to what `dtype` can hold. `scratch` has room for them in that type.
void round_to(std::span<float> values, DType dtype, std::span<std::byte> scratch);

/// How many of `values` are finite and become infinite in `dtype`.
std::size_t count_overflows(std::span<const float> values, DType dtype);

}  // namespace tramontane
