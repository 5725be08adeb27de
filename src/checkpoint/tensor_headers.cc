#include "checkpoint/tensor_headers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tramontane {
namespace {

std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; i++) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

const char* npy_descr(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "<f4";
    case DType::float16:
      return "<f2";
    case DType::bfloat16:
      return "<V2";  // as MLX writes it
    case DType::uint32:
      return "<u4";
    case DType::int8:
      return "|i1";
    case DType::uint8:
      return "|u1";
  }
  return "?";
}

const char* safetensors_dtype(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "F32";
    case DType::float16:
      return "F16";
    case DType::bfloat16:
      return "BF16";
    case DType::uint32:
      return "U32";
    case DType::int8:
      return "I8";
    case DType::uint8:
      return "U8";
  }
  return "?";
}

}  // namespace

std::string npy_header(const TensorHeader& tensor, int major) {
  // MLX says Fortran order of every vector, for which the two orders are one: do the same, so that readers
  // meet it.
  const bool fortran = tensor.shape.size() < 2;
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}{}), }}",
                                 npy_descr(tensor.dtype), fortran ? "True" : "False",
                                 fmt::join(tensor.shape, ", "), tensor.shape.size() == 1 ? "," : "");
  const std::size_t before = major == 1 ? 10 : 12;
  while ((before + text.size() + 1) % 64 != 0) text += ' ';
  text += '\n';
  return "\x93NUMPY" + little_endian(static_cast<std::uint64_t>(major), 2) +
         little_endian(text.size(), major == 1 ? 2 : 4) + text;
}

std::string safetensors_header(std::span<const TensorHeader> tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "mlx"}};
  std::uint64_t offset = 0;
  for (const TensorHeader& tensor : tensors) {
    const std::uint64_t end = offset + tensor.bytes();
    header[tensor.name] = {
        {"dtype", safetensors_dtype(tensor.dtype)}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  while (text.size() % 8 != 0) text += ' ';
  return little_endian(text.size(), 8) + text;
}

}  // namespace tramontane
