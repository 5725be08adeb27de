#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <utility>

// MLX's random numbers, bit for bit: the counter-based generator threefry2x32 with 20 rounds (Salmon et al.
// 2011, "Parallel random numbers: as easy as 1, 2, 3"), in the layout of mx.random of MLX 0.32.4 on the CPU.
// Pure functions.
namespace tramontane::random {

using Key = std::array<std::uint32_t, 2>;

/// mx.random.key(seed)
Key key(std::uint64_t seed);

/// mx.random.split(key): a stream draws with the second half and goes on from the first.
std::pair<Key, Key> split(const Key& key);

/// mx.random.split(key, num = out.size())
void split(const Key& key, std::span<Key> out);

/// mx.random.bits of any shape with out.size() elements, in row-major order.
void bits(const Key& key, std::span<std::uint32_t> out);

/// mx.random.uniform(0, 1), float32, of any shape with out.size() elements: in [0, 1).
void uniform(const Key& key, std::span<float> out);

/// mx.random.uniform(0, 1) of shape [] or [1].
float uniform(const Key& key);

}  // namespace tramontane::random
