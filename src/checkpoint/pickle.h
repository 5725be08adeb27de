#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/torch_globals.h"

namespace tramontane {

/// A value that a pickle describes. Values refer to each other, perhaps in circles, and many may refer to the
/// same one: whoever walks them must bound the walk.
struct PickleValue {
  enum class Kind {
    none,
    boolean,
    integer,  // of at most 64 bits
    real,     // its value is of no use here
    text,
    tuple,
    list,
    dict,     // items: key, value, key, value, ...
    global,   // one of the known ones
    storage,  // items: type (global, a storage), key (text), elements (integer)
    tensor    // items: storage, offset (integer), size and stride (tuples of at most 8 integers), and more
  };
  Kind kind = Kind::none;
  std::int64_t integer = 0;
  std::string_view text = {};  // in the pickle
  const TorchGlobal* global = nullptr;
  std::vector<PickleValue*> items = {};
};

/// Owner of the values; views the pickle. Move-only by its use.
struct Pickle {
  std::deque<PickleValue> values;  // flat, so that depth costs no stack
  const PickleValue* top = nullptr;
};

/// Reads a pickle of protocol 2 to 5 as torch.save writes it for a state dict: tensors, parameters and
/// storages in dictionaries. Nothing is executed: a name from the pickle is looked up in the table of
/// torch_globals.h and means what is said there. Time and memory are in proportion to the pickle, whose size
/// is limited, and nesting costs no stack. Throws Error for whatever a state dict does not need, naming the
/// opcode or the global.
Pickle read_pickle(std::span<const std::byte> bytes, const std::string& file);

}  // namespace tramontane
