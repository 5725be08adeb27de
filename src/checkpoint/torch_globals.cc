#include "checkpoint/torch_globals.h"

#include <algorithm>
#include <array>

namespace tramontane {
namespace {

using Kind = TorchGlobal::Kind;

constexpr std::array<TorchGlobal, 13> kGlobals = {{
    {"collections", "OrderedDict", Kind::ordered_dict},
    {"torch._utils", "_rebuild_tensor_v2", Kind::rebuild_tensor},
    {"torch._utils", "_rebuild_parameter", Kind::rebuild_parameter},
    {"torch", "FloatStorage", Kind::storage, "float32", 4},
    {"torch", "HalfStorage", Kind::storage, "float16", 2},
    {"torch", "BFloat16Storage", Kind::storage, "bfloat16", 2},
    {"torch", "DoubleStorage", Kind::storage, "float64", 8},
    {"torch", "LongStorage", Kind::storage, "int64", 8},
    {"torch", "IntStorage", Kind::storage, "int32", 4},
    {"torch", "ShortStorage", Kind::storage, "int16", 2},
    {"torch", "CharStorage", Kind::storage, "int8", 1},
    {"torch", "ByteStorage", Kind::storage, "uint8", 1},
    {"torch", "BoolStorage", Kind::storage, "bool", 1},
}};

}  // namespace

const TorchGlobal* find_torch_global(std::string_view module, std::string_view name) {
  const auto* found = std::find_if(kGlobals.begin(), kGlobals.end(), [&](const TorchGlobal& global) {
    return global.module == module && global.name == name;
  });
  return found == kGlobals.end() ? nullptr : found;
}

}  // namespace tramontane
