#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/shape.h"

// GGUF, the container of llama.cpp: a header with typed metadata, then tensors in ggml's types.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
namespace tramontane {

/// Types of metadata, by their numbers in a file.
enum class GgufType : std::uint32_t {
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  float32,
  boolean,
  string,
  array,
  uint64,
  int64,
  float64
};

/// An array where it lies in the file, its elements as they are written there; walked through once, so that
/// every element is known to lie inside.
struct GgufArray {
  GgufType type = GgufType::uint8;
  std::uint64_t count = 0;
  std::span<const std::byte> bytes;
};

/// Unsigned and signed integers of all widths share a type each.
using GgufValue = std::variant<std::uint64_t, std::int64_t, float, double, bool, std::string_view, GgufArray>;

/// View of one tensor where it lies in its file.
struct GgufTensor {
  std::string_view name;
  std::string_view file;   // for messages
  std::uint32_t type = 0;  // of ggml, perhaps unknown to this program
  Shape shape;             // outermost first: a matrix is [rows, cols]
  /// Rows of blocks, without padding. Empty when the type is unknown, and with it the size.
  std::span<const std::byte> bytes;
};

/// What a file says. Views the bytes and the file's name, which must outlive it.
struct Gguf {
  std::uint32_t version = 0;
  std::map<std::string_view, GgufValue> metadata;
  std::vector<GgufTensor> tensors;  // sorted by name
};

/// The header of a little-endian GGUF file of version 2 or 3. Throws Error naming the file and the key or
/// tensor unless keys and names are distinct, arrays nest at most four deep, and the tensors lie inside the
/// file, aligned and without overlaps.
Gguf read_gguf(std::span<const std::byte> bytes, const std::string& file);

/// "FILE: tensor 'NAME'"
std::string label_of(const GgufTensor& tensor);

}  // namespace tramontane
