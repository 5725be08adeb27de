#include "checkpoint/safetensors.h"

#include <cstdint>

#include "check_message.h"

namespace {

using namespace tramontane;

void read_tensors(std::span<const std::byte> bytes) {
  std::uint64_t total = 0;
  for (const TensorView& tensor : read_safetensors(bytes, "input.safetensors")) {
    const bool known = tensor.other_dtype.empty();
    if (known && tensor.bytes.size() != bytes_of(tensor.shape, size_of(tensor.dtype))) __builtin_trap();
    const auto* end = tensor.bytes.data() + tensor.bytes.size();
    if (tensor.bytes.data() < bytes.data() || end > bytes.data() + bytes.size()) __builtin_trap();
    total += tensor.bytes.size();
  }
  if (total > bytes.size()) __builtin_trap();  // they overlap
}

void read_index(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const auto& [tensor, shard] : parse_safetensors_index(text, "input.index.json")) {
    if (shard.find('/') != std::string::npos) __builtin_trap();
  }
}

}  // namespace

/// Any bytes as a safetensors file, and as a safetensors index: an Error, or an answer that holds what it
/// promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const auto& read : {read_tensors, read_index}) {
    try {
      read(std::as_bytes(std::span(data, size)));
    } catch (const Error& error) {
      check_message(error);
    }
  }
  return 0;
}
