#pragma once
#include <cstddef>
#include <string_view>

#include "tramontane/dtype.h"

namespace tramontane {

/// One of the few Python names that the pickle of a state dict has reason to mention. Here they are words
/// with a meaning, not code.
struct TorchGlobal {
  enum class Kind { ordered_dict, rebuild_tensor, rebuild_parameter, storage };
  std::string_view module, name;
  Kind kind = Kind::storage;
  std::string_view dtype = {};    // of a storage's elements, as DType or PyTorch calls it
  std::size_t element_bytes = 0;  // of a storage
};

/// Null: no name that the tensors of a state dict need.
const TorchGlobal* find_torch_global(std::string_view module, std::string_view name);

}  // namespace tramontane
