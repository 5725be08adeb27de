#include "checkpoint/gguf.h"

#include <array>
#include <cstdint>

#include "check_message.h"
#include "checkpoint/ggml_types.h"
#include "checkpoint/gguf_fields.h"
#include "convert/gguf_blocks.h"
#include "convert/gguf_config.h"
#include "convert/gguf_tokenizer.h"

namespace {

using namespace tramontane;

/// Every tensor lies in the input and apart from the others; blocks of all formats can be read.
void read_tensors(const Gguf& gguf, std::span<const std::byte> bytes) {
  std::uint64_t total = 0;
  for (const GgufTensor& tensor : gguf.tensors) {
    const auto* end = tensor.bytes.data() + tensor.bytes.size();
    if (tensor.bytes.data() < bytes.data() || end > bytes.data() + bytes.size()) __builtin_trap();
    total += tensor.bytes.size();
    const GgufBlocks* blocks = find_gguf_blocks(tensor.type);
    if (blocks == nullptr || tensor.bytes.empty()) continue;
    std::array<float, 256> values;
    blocks->decode(tensor.bytes.data(), 1, values.data());
    std::array<std::byte, 256> words;
    std::array<std::byte, 32> scales, biases;
    if (blocks->lossless) blocks->carry(tensor.bytes.data(), 1, {words.data(), scales.data(), biases.data()});
  }
  if (total > bytes.size()) __builtin_trap();  // they overlap
}

}  // namespace

/// Any bytes as a GGUF file, its metadata as a model's, and as its tokenizer: an Error, or an answer that
/// holds what it promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::string file = "input.gguf";
  try {
    const Gguf gguf = read_gguf(bytes, file);
    read_tensors(gguf, bytes);
    const GgufFields fields(gguf, file);
    std::vector<std::string> warnings;
    try {
      gguf_config(fields, 32000, false, warnings);
    } catch (const Error& error) {
      check_message(error);
    }
    gguf_tokenizer(fields, warnings);
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
