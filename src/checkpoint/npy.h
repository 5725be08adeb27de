#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/zip.h"

namespace tramontane {

/// An npy file of version 1, 2 or 3 as a view of its array, named `name`. float32 ('<f4'), float16 ('<f2'),
/// uint32 ('<u4') and bfloat16 as MLX writes it ('V2', '|V2', '<V2'). Fortran order is refused unless the two
/// orders are one, as they are for vectors, which MLX marks so. Throws Error for anything else, and when the
/// data are not exactly as long as the shape says.
TensorView parse_npy(std::span<const std::byte> bytes, const std::string& name, const std::string& file);

/// The arrays of an npz archive: stored members where they lie, deflated ones in `inflated`. Throws Error.
std::vector<TensorView> read_npz(std::span<const std::byte> bytes, const std::string& file,
                                 InflatedMembers& inflated);

}  // namespace tramontane
