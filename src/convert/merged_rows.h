#pragma once
#include <memory>
#include <vector>

#include "convert/row_source.h"

namespace tramontane {

/// One matrix of several, of one type: one below the other, all of as many columns, or side by side, all of
/// as many rows. At least one part each. Throws Error when the types differ.
std::unique_ptr<RowSource> stacked_rows(std::vector<std::unique_ptr<RowSource>> parts);
std::unique_ptr<RowSource> joined_rows(std::vector<std::unique_ptr<RowSource>> parts);

}  // namespace tramontane
