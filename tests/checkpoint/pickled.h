#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/support.h"

// Pickles by hand: what torch.save writes, piece by piece, and what it never would.
namespace tramontane::testing::pickled {

inline std::string little_endian(std::uint64_t value, int width) {
  return with_integer(std::string(static_cast<std::size_t>(width), '\0'), 0, value, width);
}

inline std::string text(const std::string& value) { return "X" + little_endian(value.size(), 4) + value; }

inline std::string integer(std::int64_t value) {
  return "\x8a\x08" + little_endian(static_cast<std::uint64_t>(value), 8);
}

inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const std::int64_t value : values) items += integer(value);
  return "(" + items + "t";
}

struct Tensor {
  std::vector<std::int64_t> shape = {2, 3};
  std::vector<std::int64_t> strides = {3, 1};
  std::int64_t offset = 0;
  std::int64_t elements = 6;  // of the storage
  std::string key = "0";
  std::string type = "FloatStorage";
};

inline std::string storage(const Tensor& tensor) {
  return "(" + text("storage") + global("torch", tensor.type) + text(tensor.key) + text("cpu") +
         integer(tensor.elements) + "tQ";
}

inline const std::string kNoHooks = global("collections", "OrderedDict") + ")R";

inline std::string tensor(const Tensor& tensor = {}) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage(tensor) + integer(tensor.offset) +
         tuple(tensor.shape) + tuple(tensor.strides) + "\x89" + kNoHooks + "tR";
}

/// A whole pickle of this value.
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

/// A file by torch.save of this value, with one storage of `bytes` bytes.
inline std::string pth(const std::string& value, std::size_t bytes = 24) {
  return make_zip({{"archive/data.pkl", pickle(value)}, {"archive/data/0", std::string(bytes, 'x')}});
}

/// The same of {"w": tensor}.
inline std::string pth(const Tensor& of, std::size_t bytes = 24) {
  return pth("}" + text("w") + tensor(of) + "s", bytes);
}

}  // namespace tramontane::testing::pickled
