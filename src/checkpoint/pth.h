#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace tramontane {

/// The tensors of a file by torch.save (PyTorch 1.6 and later: a zip archive), where they lie in it. The
/// object is a dictionary of tensors, or has one under "model" or "state_dict"; tensors may share bytes.
/// Types other than float32, float16 and bfloat16 are left for whoever needs the tensor to refuse
/// (TensorView::other_dtype). Nothing in the file is executed (checkpoint/pickle.h). Throws Error for
/// anything else: the formats of older releases, TorchScript, big-endian or compressed data, tensors that are
/// not row-major or reach beyond their storage.
std::vector<TensorView> read_pth(std::span<const std::byte> bytes, const std::string& file);

}  // namespace tramontane
