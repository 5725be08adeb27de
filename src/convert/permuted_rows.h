#pragma once
#include <memory>

#include "convert/row_source.h"
#include "tramontane/model_args.h"

namespace tramontane {

/// wq or wk for the other RoPE layout: the rows of each head of `head_dim` rows reordered, from pairs (i, i +
/// head_dim / 2) to pairs (2i, 2i + 1) or back. `source` must outlive it.
std::unique_ptr<RowSource> permuted_rows(const RowSource& source, int head_dim, RopeLayout to);

}  // namespace tramontane
