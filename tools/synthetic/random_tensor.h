#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "kernels/matrix_view.h"

namespace tramontane::synthetic {

/// Writes elements first, first + 1, ... of a tensor to `out`, whose size is a multiple of 8 bytes except at
/// the end of the tensor. A pure function of its arguments, so that any piece can be made at any time.
using Fill = std::function<void(std::uint64_t first, std::span<std::byte> out)>;

// Values come from splitmix64 (Steele, Lea & Flood 2014) in counter mode and from IEEE operations that round
// exactly, so every platform makes the same bytes. `seed` and `tensor` choose the stream.

/// Roughly normal values: mean + deviation * (sum of four uniforms, scaled to unit variance), rounded to
/// `dtype`.
Fill random_floats(std::uint64_t seed, std::string_view tensor, DType dtype, double mean, double deviation);

/// Uniform uint32 words: packed weights of any number of bits, none of them a NaN of the mode.
Fill random_words(std::uint64_t seed, std::string_view tensor, QuantMode mode = QuantMode::affine);

/// Scales of both signs and the biases that go with them, such that scale * q + bias with uniform q has a
/// mean near 0 and about the given deviation. The two must be made with the same arguments.
Fill random_scales(std::uint64_t seed, std::string_view tensor, DType dtype, QuantSpec spec,
                   double deviation);
Fill random_biases(std::uint64_t seed, std::string_view tensor, DType dtype, QuantSpec spec,
                   double deviation);

/// Scales of a mode other than affine, one byte each, that give uniform elements about the deviation.
Fill random_small_scales(std::uint64_t seed, std::string_view tensor, QuantMode mode, double deviation);

}  // namespace tramontane::synthetic
