#pragma once
#include <cstdint>

#include "kernels/integer_products.h"

// Where quantised activations lie. A row's limbs are cut into blocks of 64 * planes elements; in a block,
// plane p holds elements p, p + planes, ... as 64 bytes.
//
// Few rows: each as it is, the high limbs of all rows before the low ones; a row is as long as 16 whole
// groups ask for, what lies past its last block is for reading only, of any value.
//
// Many rows: in tiles of neighbouring rows, which are multiplied together: [block][plane][row of the tile]
// [limb][64 bytes], so that one address reaches all the rows of a tile; scales and sums [group][row of the
// tile].
namespace tramontane {
namespace {

// Up to here multiplying along the rows of w costs less than unpacking them first.
constexpr std::int64_t kMostDirectRows = 2;

inline bool in_tiles(const IntegerRows& x) { return x.rows > kMostDirectRows; }

/// Rows [first, first + rows) of x.
struct Tile {
  std::int64_t first;
  std::int64_t rows;
};

/// As many as the registers have room for the sums of, for 32 outputs.
constexpr std::int64_t most_tile_rows(int limbs) { return limbs == 2 ? 6 : 10; }

/// The tile that begins at row `first` of `rows`: as large as can be, the last two of about the same size.
inline Tile tile_from(std::int64_t first, std::int64_t rows, int limbs) {
  const std::int64_t most = most_tile_rows(limbs);
  const std::int64_t left = rows - first;
  if (left <= most) return {first, left};
  return {first, left >= 2 * most ? most : (left + 1) / 2};
}

/// The tile that row `row` is in.
inline Tile tile_of(std::int64_t row, std::int64_t rows, int limbs) {
  const std::int64_t most = most_tile_rows(limbs);
  const std::int64_t whole = rows % most == 0 || rows < most ? rows / most : rows / most - 1;
  Tile tile = tile_from(row < whole * most ? row / most * most : whole * most, rows, limbs);
  if (row >= tile.first + tile.rows) tile = tile_from(tile.first + tile.rows, rows, limbs);
  return tile;
}

/// Where the parts of a row lie, in bytes of limbs and floats of scales.
struct RowPlace {
  std::int64_t limbs;         // the first block's high limb
  std::int64_t low;           // from a high limb to its low one
  std::int64_t block_stride;  // from 64 bytes of the row to the next
  std::int64_t scales;
  std::int64_t scale_stride;  // from a group to the next
};

inline RowPlace place_of(std::int64_t row, const IntegerRows& x) {
  const int limbs = x.spec.limbs;
  if (!in_tiles(x)) {
    return {row * x.row_bytes(), x.rows * x.row_bytes(), 64, row * x.padded_groups(), 1};
  }
  const Tile tile = tile_of(row, x.rows, limbs);
  const std::int64_t i = row - tile.first;
  return {.limbs = tile.first * limbs * x.row_bytes() + 64 * limbs * i,
          .low = 64,
          .block_stride = 64 * limbs * tile.rows,
          .scales = tile.first * x.padded_groups() + i,
          .scale_stride = tile.rows};
}

}  // namespace
}  // namespace tramontane
