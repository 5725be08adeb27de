#include "checkpoint/gguf.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "checkpoint/byte_reader.h"
#include "checkpoint/ggml_types.h"
#include "core/fail.h"

namespace tramontane {
namespace {

// Far above any model; they bound what a header can make of its bytes in memory.
constexpr std::uint64_t kMostKeys = 1 << 16;
constexpr std::uint64_t kMostTensors = 1 << 18;
constexpr int kDeepestArray = 4;
constexpr std::uint64_t kLeastPair = 8 + 4 + 1;            // an empty key, a type, one byte
constexpr std::uint64_t kLeastTensor = 8 + 4 + 8 + 4 + 8;  // an empty name, one dimension, type, offset
constexpr std::uint32_t kMostGgmlDimensions = 4;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMostAlignment = 1 << 16;

/// Bytes of an element; 0: of no fixed size.
std::uint64_t bytes_of_type(GgufType type) {
  switch (type) {
    case GgufType::uint8:
    case GgufType::int8:
    case GgufType::boolean:
      return 1;
    case GgufType::uint16:
    case GgufType::int16:
      return 2;
    case GgufType::uint32:
    case GgufType::int32:
    case GgufType::float32:
      return 4;
    case GgufType::uint64:
    case GgufType::int64:
    case GgufType::float64:
      return 8;
    case GgufType::string:
    case GgufType::array:
      break;
  }
  return 0;
}

class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> bytes, const std::string& file)
      : bytes_(bytes), file_(file), in_(bytes, file, "GGUF header") {}

  Gguf run() {
    read_version();
    const std::uint64_t tensors = in_.u64();
    const std::uint64_t keys = in_.u64();
    check_count("tensors", tensors, kMostTensors, kLeastTensor);
    check_count("keys", keys, kMostKeys, kLeastPair);
    for (std::uint64_t n = 0; n < keys; n++) read_pair();
    const std::uint64_t alignment = read_alignment();
    std::vector<std::uint64_t> offsets;
    offsets.reserve(static_cast<std::size_t>(tensors));
    for (std::uint64_t n = 0; n < tensors; n++) offsets.push_back(read_tensor());
    place_tensors(offsets, alignment);
    return std::move(gguf_);
  }

 private:
  void read_version() {
    if (bytes_.size() < 8 || in_.text(4) != "GGUF") {
      fail("{}: expected a GGUF file, found other bytes at its start", file_);
    }
    gguf_.version = in_.u32();
    const std::uint32_t swapped = __builtin_bswap32(gguf_.version);
    if (swapped == 2 || swapped == 3)
      fail("{}: expected a little-endian GGUF file, found a big-endian one", file_);
    if (gguf_.version != 2 && gguf_.version != 3) {
      fail("{}: expected GGUF of version 2 or 3, found version {}", file_, gguf_.version);
    }
  }

  void check_count(std::string_view what, std::uint64_t count, std::uint64_t most,
                   std::uint64_t least_bytes) const {
    if (count > most || count > in_.remaining() / least_bytes) {
      fail("{}: GGUF header: expected at most {} {}, found a count of {}", file_,
           std::min<std::uint64_t>(most, in_.remaining() / least_bytes), what, count);
    }
  }

  std::string_view read_string() { return in_.text(in_.u64()); }

  void read_pair() {
    const std::string_view key = read_string();
    const GgufType type = read_type(key);
    if (!gguf_.metadata.emplace(key, read_value(type, key)).second) {
      fail("{}: key {} is there twice", file_, printable(key));
    }
  }

  GgufType read_type(std::string_view key) {
    const std::uint32_t type = in_.u32();
    if (type > static_cast<std::uint32_t>(GgufType::float64)) {
      fail("{}: key {}: expected a type from 0 to 12, found {}", file_, printable(key), type);
    }
    return static_cast<GgufType>(type);
  }

  GgufValue read_value(GgufType type, std::string_view key) {
    switch (type) {
      case GgufType::uint8:
        return std::uint64_t{std::to_integer<std::uint8_t>(in_.take(1)[0])};
      case GgufType::int8:
        return std::int64_t{std::to_integer<std::int8_t>(in_.take(1)[0])};
      case GgufType::uint16:
        return std::uint64_t{in_.u16()};
      case GgufType::int16:
        return std::int64_t{static_cast<std::int16_t>(in_.u16())};
      case GgufType::uint32:
        return std::uint64_t{in_.u32()};
      case GgufType::int32:
        return std::int64_t{static_cast<std::int32_t>(in_.u32())};
      case GgufType::float32:
        return std::bit_cast<float>(in_.u32());
      case GgufType::boolean:
        return in_.take(1)[0] != std::byte{0};
      case GgufType::string:
        return read_string();
      case GgufType::array:
        return read_array(key, 1);
      case GgufType::uint64:
        return in_.u64();
      case GgufType::int64:
        return static_cast<std::int64_t>(in_.u64());
      case GgufType::float64:
        return std::bit_cast<double>(in_.u64());
    }
    return {};
  }

  GgufArray read_array(std::string_view key, int depth) {
    if (depth > kDeepestArray)
      fail("{}: key {}: arrays nested more than {} deep", file_, printable(key), kDeepestArray);
    GgufArray array;
    array.type = read_type(key);
    array.count = in_.u64();
    const std::size_t begin = in_.position();
    const std::uint64_t element = bytes_of_type(array.type);
    const std::uint64_t least = element != 0 ? element : 8;  // a string's length, an array's count
    if (array.count > in_.remaining() / least) {
      fail("{}: key {}: an array of {} elements does not fit into {} bytes", file_, printable(key),
           array.count, in_.remaining());
    }
    if (element != 0) in_.take(element * array.count);
    for (std::uint64_t n = 0; element == 0 && n < array.count; n++) {
      if (array.type == GgufType::string) {
        read_string();
      } else {
        read_array(key, depth + 1);
      }
    }
    array.bytes = bytes_.subspan(begin, in_.position() - begin);
    return array;
  }

  std::uint64_t read_alignment() const {
    const auto at = gguf_.metadata.find("general.alignment");
    if (at == gguf_.metadata.end()) return kDefaultAlignment;
    const auto* value = std::get_if<std::uint64_t>(&at->second);
    if (value == nullptr || !std::has_single_bit(*value) || *value > kMostAlignment) {
      fail("{}: key 'general.alignment': expected a power of two up to {}", file_, kMostAlignment);
    }
    return *value;
  }

  /// Its offset in the data.
  std::uint64_t read_tensor() {
    GgufTensor tensor;
    tensor.name = read_string();
    tensor.file = file_;
    const std::uint32_t dimensions = in_.u32();
    if (dimensions < 1 || dimensions > kMostGgmlDimensions) {
      fail("{}: expected 1 to {} dimensions, found {}", label_of(tensor), kMostGgmlDimensions, dimensions);
    }
    for (std::uint32_t n = 0; n < dimensions; n++) {
      const std::uint64_t size = in_.u64();
      if (size > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        fail("{}: expected a size below 2^63, found {}", label_of(tensor), size);
      }
      tensor.shape.insert(tensor.shape.begin(),
                          static_cast<std::int64_t>(size));  // the file has them innermost first
    }
    tensor.type = in_.u32();
    gguf_.tensors.push_back(tensor);
    return in_.u64();
  }

  /// Bytes that a tensor of a known type takes.
  static std::uint64_t size_of_tensor(const GgufTensor& tensor, const GgmlType& type) {
    Shape blocks = tensor.shape;
    if (blocks.back() % type.block_elements != 0) {
      fail("{}: {} rows are made of blocks of {} elements, found {} of them", label_of(tensor), type.name,
           type.block_elements, blocks.back());
    }
    blocks.back() /= type.block_elements;
    const auto size = tramontane::bytes_of(blocks, type.block_bytes);
    if (!size) fail("{}: the size of {} leaves 63 bits", label_of(tensor), to_string(tensor.shape));
    return *size;
  }

  void place_tensors(const std::vector<std::uint64_t>& offsets, std::uint64_t alignment) {
    const std::uint64_t begin = (in_.position() + alignment - 1) / alignment * alignment;
    const auto data = bytes_.subspan(std::min<std::uint64_t>(begin, bytes_.size()));
    std::vector<std::pair<std::uint64_t, std::size_t>> order;  // offset, index
    for (std::size_t n = 0; n < gguf_.tensors.size(); n++) {
      place(gguf_.tensors[n], offsets[n], alignment, data);
      order.emplace_back(offsets[n], n);
    }
    std::sort(order.begin(), order.end());
    std::uint64_t end = 0;
    for (const auto& [offset, n] : order) {
      const GgufTensor& tensor = gguf_.tensors[n];
      if (offset < end) fail("{} overlaps another one", label_of(tensor));
      end = offset + tensor.bytes.size();
    }
    sort_by_name();
  }

  static void place(GgufTensor& tensor, std::uint64_t offset, std::uint64_t alignment,
                    std::span<const std::byte> data) {
    if (offset % alignment != 0) {
      fail("{}: expected an offset that is a multiple of {}, found {}", label_of(tensor), alignment, offset);
    }
    const GgmlType* type = find_ggml_type(tensor.type);
    const std::uint64_t size = type == nullptr ? 0 : size_of_tensor(tensor, *type);
    if (offset > data.size() || size > data.size() - offset) {
      fail("{}: expected {} bytes at {} of the data, found a file whose data end at {}", label_of(tensor),
           size, offset, data.size());
    }
    tensor.bytes = data.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
  }

  void sort_by_name() {
    auto& tensors = gguf_.tensors;
    std::sort(tensors.begin(), tensors.end(), [](auto& a, auto& b) { return a.name < b.name; });
    const auto twice =
        std::adjacent_find(tensors.begin(), tensors.end(), [](auto& a, auto& b) { return a.name == b.name; });
    if (twice != tensors.end()) fail("{} is there twice", label_of(*twice));
  }

  std::span<const std::byte> bytes_;
  const std::string& file_;
  ByteReader in_;
  Gguf gguf_;
};

}  // namespace

Gguf read_gguf(std::span<const std::byte> bytes, const std::string& file) {
  return HeaderReader(bytes, file).run();
}

std::string label_of(const GgufTensor& tensor) {
  return fmt::format("{}: tensor {}", tensor.file, printable(tensor.name));
}

}  // namespace tramontane
