#pragma once
#include <memory>
#include <string>

#include "convert/row_source.h"
#include "core/mapped_file.h"

namespace tramontane {

/// A matrix in MLX's quantisation as rows: read as mx.dequantize makes them, or carried over as they are.
/// `files` must outlive it and holds the bytes that `w` views.
std::unique_ptr<RowSource> mlx_rows(const MappedFiles& files, const MatrixView& w, std::string label);

}  // namespace tramontane
