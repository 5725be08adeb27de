#pragma once
#include <filesystem>

#include "convert/source.h"

namespace tramontane {

/// A folder that Checkpoint reads (Hugging Face's, mlx-lm's, MLX's example's) as a source. Throws Error.
Source open_checkpoint_source(const std::filesystem::path& folder);

/// The files of a folder that go with any weights: tokenizers, chat templates, defaults of generation.
std::vector<std::filesystem::path> companion_files(const std::filesystem::path& folder);

}  // namespace tramontane
