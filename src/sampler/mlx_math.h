#pragma once
#include <cstddef>
#include <span>

#include "core/float16.h"
#include "tramontane/dtype.h"

// The arithmetic of MLX 0.32.4's CPU backend where its roundings decide which token is drawn. A row of a
// dtype is kept as float32 values that the dtype can represent.
namespace tramontane::mlx {

/// A Python float that meets an array of `dtype`: through float32 to the dtype.
inline float weak_scalar(DType dtype, double value) { return round_to(dtype, static_cast<float>(value)); }

/// Rounds every element to `dtype` in place, as round_to does, with a loop that compilers vectorise.
void round_row(DType dtype, std::span<float> row);

/// Index of the largest element, the first of equals; row is not empty and holds no NaN.
std::size_t argmax(std::span<const float> row);

bool has_nan(std::span<const float> row);

/// mx.exp of a float32: a polynomial in base 2, zero below -88, infinite above 88.
float exp(float x);

/// row -= mx.logsumexp(row), in `dtype`.
void to_logprobs(DType dtype, std::span<float> row);

}  // namespace tramontane::mlx
