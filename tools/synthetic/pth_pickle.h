#pragma once
#include <span>
#include <string>

#include "checkpoint/tensor_headers.h"

namespace tramontane::synthetic {

/// The data.pkl of a file by torch.save (protocol 2) that holds these tensors as a dictionary, tensor n in
/// the storage data/n, whole and row-major.
std::string state_dict_pickle(std::span<const TensorHeader> tensors);

}  // namespace tramontane::synthetic
