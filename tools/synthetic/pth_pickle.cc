#include "synthetic/pth_pickle.h"

#include <fmt/format.h>

#include "core/fail.h"

namespace tramontane::synthetic {
namespace {

void put_bytes(std::string& out, std::uint64_t value, int width) {
  for (int i = 0; i < width; i++) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void put_text(std::string& out, std::string_view text) {
  out += 'X';
  put_bytes(out, text.size(), 4);
  out += text;
}

void put_integer(std::string& out, std::int64_t value) {
  out += "\x8a\x08";
  put_bytes(out, static_cast<std::uint64_t>(value), 8);
}

void put_tuple(std::string& out, std::span<const std::int64_t> values) {
  out += '(';
  for (const std::int64_t value : values) put_integer(out, value);
  out += 't';
}

const char* storage_type(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "FloatStorage";
    case DType::float16:
      return "HalfStorage";
    case DType::bfloat16:
      return "BFloat16Storage";
    default:
      fail("expected tensors of floats in a .pth file, found {}", name_of(dtype));
  }
}

void put_tensor(std::string& out, const TensorHeader& tensor, std::size_t key) {
  const auto elements = static_cast<std::int64_t>(tensor.bytes() / size_of(tensor.dtype));
  std::vector<std::int64_t> strides(tensor.shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = strides.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= tensor.shape[i];
  }
  out += "ctorch._utils\n_rebuild_tensor_v2\n((";
  put_text(out, "storage");
  out += fmt::format("ctorch\n{}\n", storage_type(tensor.dtype));
  put_text(out, std::to_string(key));
  put_text(out, "cpu");
  put_integer(out, elements);
  out += "tQ";
  put_integer(out, 0);
  put_tuple(out, tensor.shape);
  put_tuple(out, strides);
  out +=
      "\x89"                           // requires no gradient
      "ccollections\nOrderedDict\n)R"  // no hooks
      "tR";
}

}  // namespace

std::string state_dict_pickle(std::span<const TensorHeader> tensors) {
  std::string out = "\x80\x02}(";
  for (std::size_t i = 0; i < tensors.size(); i++) {
    put_text(out, tensors[i].name);
    put_tensor(out, tensors[i], i);
  }
  return out + "u.";
}

}  // namespace tramontane::synthetic
