#include "checkpoint/pth.h"

#include <cstdint>

#include "check_message.h"

/// Any bytes as a file by torch.save: an Error, or views inside the input of the size that shapes and types
/// say.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tramontane;
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    for (const TensorView& tensor : read_pth(bytes, "input.pth")) {
      const bool known = tensor.other_dtype.empty();
      if (known && tensor.bytes.size() != bytes_of(tensor.shape, size_of(tensor.dtype))) __builtin_trap();
      const auto* end = tensor.bytes.data() + tensor.bytes.size();
      if (tensor.bytes.data() < bytes.data() || end > bytes.data() + bytes.size()) __builtin_trap();
    }
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
