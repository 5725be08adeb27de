#pragma once
#include <memory>

#include "checkpoint/gguf.h"
#include "convert/row_source.h"
#include "core/mapped_file.h"

namespace tramontane {

/// A tensor of a GGUF file as rows: F32, F16, BF16, or of a type that find_gguf_blocks knows. `files` holds
/// the tensor's bytes and must outlive it. Throws Error naming file and tensor for other types and shapes.
std::unique_ptr<RowSource> gguf_rows(const MappedFiles& files, const GgufTensor& tensor);

}  // namespace tramontane
