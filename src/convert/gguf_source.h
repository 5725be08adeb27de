#pragma once
#include <filesystem>

#include "convert/source.h"

namespace tramontane {

/// A GGUF file of a dense Mistral model (architecture llama or mistral3), or the first of its parts
/// (NAME-00001-of-0000N.gguf, the others beside it). Their q and k are stored for RoPE on adjacent pairs, as
/// the consolidated checkpoints are: llama.cpp's converter undoes Hugging Face's permutation. Throws Error
/// naming the file, and the key or tensor.
Source open_gguf(const std::filesystem::path& file);

/// The GGUF model in a folder: its only GGUF file, or the first of its parts; beside it a file mmproj*.gguf,
/// of a vision encoder, does not count. Empty: there is none. Throws Error when there are several.
std::filesystem::path find_gguf(const std::filesystem::path& folder);

}  // namespace tramontane
