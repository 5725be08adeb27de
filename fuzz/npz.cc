#include <cstdint>

#include "check_message.h"
#include "checkpoint/npy.h"

/// Any bytes as an npz archive: an Error or views inside the input, whose bytes can all be read.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tramontane;
  constexpr std::uint64_t kInflatedLimit = 1 << 20;
  try {
    InflatedMembers inflated(kInflatedLimit);
    for (const TensorView& tensor : read_npz(std::as_bytes(std::span(data, size)), "input.npz", inflated)) {
      if (tensor.bytes.size() != bytes_of(tensor.shape, size_of(tensor.dtype))) __builtin_trap();
      std::byte sum{};
      for (const std::byte byte : tensor.bytes) sum ^= byte;
      [[maybe_unused]] volatile std::byte used = sum;
    }
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
