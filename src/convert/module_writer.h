#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "convert/array_writer.h"
#include "convert/plan.h"

namespace tramontane {

/// Memory of one thread for pieces of modules.
struct PieceScratch {
  std::vector<float> values;
  std::vector<std::byte> words, scales, biases, narrow;
};

/// Rows [begin, end) of a module on their way from the source to the target. `first_array` is the module's
/// first in `writer`. Returns how many values the target's type made infinite. Throws Error.
std::size_t write_rows(const PlannedModule& module, std::int64_t begin, std::int64_t end,
                       std::size_t first_array, ArrayWriter& writer, PieceScratch& scratch);

}  // namespace tramontane
