#pragma once
#include <memory>

#include "checkpoint/checkpoint.h"
#include "convert/row_source.h"
#include "core/mapped_file.h"

namespace tramontane {

/// A float32, float16 or bfloat16 tensor as rows: a matrix [rows, cols], or a vector [cols] as one row.
/// `files` must outlive it and holds the tensor's bytes, or they are ordinary memory that does. Throws Error
/// naming file and tensor for other types and shapes.
std::unique_ptr<RowSource> plain_rows(const MappedFiles& files, const TensorView& tensor);

}  // namespace tramontane
