#include "checkpoint/pickle.h"

#include <cstdint>

#include "check_message.h"

/// Any bytes as a pickle: an Error, or values that are what their kind says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tramontane;
  using Kind = PickleValue::Kind;
  try {
    const Pickle pickle = read_pickle(std::as_bytes(std::span(data, size)), "input.pth");
    for (const PickleValue& value : pickle.values) {
      if (value.kind == Kind::dict && value.items.size() % 2 != 0) __builtin_trap();
      if (value.kind == Kind::global && value.global == nullptr) __builtin_trap();
      if (value.kind == Kind::storage && value.items.at(0)->global->element_bytes == 0) __builtin_trap();
      if (value.kind != Kind::tensor) continue;
      for (const std::size_t sizes : {2U, 3U}) {
        if (value.items.at(0)->kind != Kind::storage || value.items.at(sizes)->items.size() > 8)
          __builtin_trap();
      }
    }
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
