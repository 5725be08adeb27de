#pragma once
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace tramontane {

/// The tensors of a safetensors file, where they lie in it. Types other than F32, F16, BF16 and U32 are left
/// for whoever needs the tensor to refuse (TensorView::other_dtype). Throws Error unless the header is JSON
/// of the format's one form, without duplicates, and the tensors cover the data exactly, without overlaps or
/// holes.
std::vector<TensorView> read_safetensors(std::span<const std::byte> bytes, const std::string& file);

/// A model.safetensors.index.json: tensor name -> name of the file that holds it, which is a plain name of a
/// .safetensors file, not a path. Throws Error.
std::map<std::string, std::string> parse_safetensors_index(std::string_view json, const std::string& file);

}  // namespace tramontane
