#pragma once
#include <memory>

#include "checkpoint/checkpoint.h"
#include "convert/row_source.h"
#include "core/mapped_file.h"

namespace tramontane {

/// Mistral's fp8: a matrix of F8_E4M3 (one byte each, no infinities) whose values are multiplied by one
/// number, its qscale_weight. The products are taken in float32. dtype() is bfloat16 or float16 where that
/// holds every one of them, as for scales that are powers of two, and else float32. `files` must outlive it.
/// Throws Error naming file and tensor.
std::unique_ptr<RowSource> float8_rows(const MappedFiles& files, const TensorView& weight,
                                       const TensorView& scale);

/// How safetensors spells the type.
inline constexpr std::string_view kFloat8 = "F8_E4M3";

}  // namespace tramontane
