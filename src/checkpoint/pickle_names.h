#pragma once
#include <cstdint>
#include <string_view>

#include "checkpoint/pickle.h"

namespace tramontane {

/// The name that Python's pickletools gives an opcode; empty: there is none of that code.
std::string_view pickle_opcode_name(std::uint8_t code);

/// "a dictionary", for messages.
std::string_view describe(PickleValue::Kind kind);

}  // namespace tramontane
