#pragma once
#include <cstdint>

// How to take packed integers apart. 32 consecutive values of b bits are a "run" of 4 * b bytes; every group
// is a whole number of runs. A vector of `lanes` values (a chunk of the run) is made by loading a few bytes,
// always inside the run, into every 128-bit part of a register, shuffling to each 32-bit lane the two bytes
// that hold its value, and shifting right. Bits above the value are the next value's: whoever uses the lane
// ignores them.
namespace tramontane {
namespace {

constexpr int kRun = 32;  // values

template <int lanes, int bits, int chunk>
struct ChunkLayout {
  static constexpr int run_bytes = bits * kRun / 8;
  static constexpr int first_bit = chunk * lanes * bits;
  static constexpr int chunk_bytes = (lanes * bits + 7) / 8;
  static constexpr int load_bytes = chunk_bytes <= 4 ? 4 : chunk_bytes <= 8 ? 8 : 16;
  static constexpr int wanted_offset = first_bit / 8;
  static constexpr int last_offset = run_bytes - load_bytes;
  static constexpr int offset =
      wanted_offset < last_offset ? wanted_offset : last_offset;  // of the load in the run

  /// The bit of the loaded bytes at which the value of `lane` starts.
  static constexpr int bit(int lane) { return first_bit + lane * bits - 8 * offset; }
};

/// Operands of the shuffle and of the shift. With load_bytes == 4 every lane has all the bytes and no shuffle
/// is needed.
template <int lanes, int bits, int chunk>
struct ChunkTable {
  alignas(64) std::uint8_t bytes[4 * lanes] = {};
  alignas(64) std::uint32_t shifts[lanes] = {};

  constexpr ChunkTable() {
    using Layout = ChunkLayout<lanes, bits, chunk>;
    for (int lane = 0; lane < lanes; ++lane) {
      const int bit = Layout::bit(lane);
      const bool shuffled = Layout::load_bytes > 4;
      shifts[lane] = static_cast<std::uint32_t>(shuffled ? bit % 8 : bit);
      bytes[4 * lane] = static_cast<std::uint8_t>(bit / 8);
      bytes[4 * lane + 1] =
          static_cast<std::uint8_t>(bit / 8 + 1);        // past the loaded bytes only if not needed
      bytes[4 * lane + 2] = bytes[4 * lane + 3] = 0x80;  // zero
    }
  }
};

template <int lanes, int bits, int chunk>
constexpr ChunkTable<lanes, bits, chunk> kChunkTable;

}  // namespace
}  // namespace tramontane
