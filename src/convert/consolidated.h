#pragma once
#include <filesystem>

#include "convert/source.h"

namespace tramontane {

/// A folder in Mistral's own format as a source: params.json with consolidated.safetensors (or shards of it,
/// which hold whole tensors), perhaps in fp8, or with consolidated.00.pth to consolidated.NN.pth, which each
/// hold a piece of every matrix: of its rows or of its columns, as the shapes tell. Throws Error, also for
/// tensors that are unknown, missing, or not of the shape that params.json gives them.
Source open_consolidated(const std::filesystem::path& folder);

}  // namespace tramontane
