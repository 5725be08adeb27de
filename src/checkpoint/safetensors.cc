#include "checkpoint/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "checkpoint/byte_reader.h"
#include "core/fail.h"

// The format: the length of a JSON header (u64), the header, the data.
// https://github.com/huggingface/safetensors
namespace tramontane {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLongestHeader = 100'000'000;  // the format's own limit

struct Entry {
  enum Field : unsigned { dtype_field = 1, shape_field = 2, offsets_field = 4, all_fields = 7 };
  std::string name;
  std::string dtype;
  Shape shape;
  std::vector<std::int64_t> offsets;  // begin and end in the data
  unsigned seen = 0;                  // Fields
};

/// Takes the header in as it is parsed, so that memory stays in proportion to the tensors and duplicates are
/// seen.
/// {"name": {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}, ..., "__metadata__": {...}}
class HeaderHandler : public json::json_sax_t {
 public:
  explicit HeaderHandler(const std::string& file) : file_(file) {}

  std::vector<Entry> take() { return std::move(entries_); }

  bool start_object(std::size_t /*elements*/) override {
    if (depth_ >= 2 || numbers_ != nullptr) wrong("an object");
    depth_++;
    return true;
  }

  bool end_object() override {
    depth_--;
    if (depth_ == 1 && !in_metadata_) check_complete(entries_.back());
    if (depth_ == 1) in_metadata_ = false;
    return true;
  }

  bool key(string_t& key) override {
    if (depth_ == 1) {
      if (!names_.insert(key).second)
        fail("{}: safetensors header: {} is there twice", file_, printable(key));
      in_metadata_ = key == "__metadata__";
      if (!in_metadata_) entries_.emplace_back().name = key;
    } else {
      field_ = key;
    }
    return true;
  }

  bool string(string_t& value) override {
    if (in_metadata_ && depth_ == 2) return true;
    if (depth_ != 2 || field_ != "dtype" || numbers_ != nullptr) wrong("a string");
    see(Entry::dtype_field);
    entries_.back().dtype = value;
    return true;
  }

  bool start_array(std::size_t /*elements*/) override {
    if (depth_ != 2 || in_metadata_ || numbers_ != nullptr) wrong("an array");
    Entry& entry = entries_.back();
    if (field_ == "shape") {
      see(Entry::shape_field);
      numbers_ = &entry.shape;
    } else if (field_ == "data_offsets") {
      see(Entry::offsets_field);
      numbers_ = &entry.offsets;
    } else {
      wrong("an array");
    }
    return true;
  }

  bool end_array() override {
    numbers_ = nullptr;
    return true;
  }

  bool number_unsigned(number_unsigned_t value) override {
    if (numbers_ == nullptr) wrong("a number");
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      wrong("a number above 2^63");
    if (numbers_->size() == kMostDimensions) wrong("more than 8 numbers");
    numbers_->push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool null() override {
    if (depth_ != 1 || !in_metadata_) wrong("null");
    in_metadata_ = false;  // MLX writes "__metadata__": null when it is given none
    return true;
  }
  bool boolean(bool /*value*/) override { wrong("a boolean"); }
  bool number_integer(number_integer_t /*value*/) override { wrong("a negative number"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { wrong("a fraction"); }
  bool binary(binary_t& /*value*/) override { wrong("binary data"); }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const json::exception& /*error*/) override {
    fail("{}: safetensors header: expected JSON, found a syntax error at byte {}", file_, position);
  }

 private:
  [[noreturn]] void wrong(std::string_view found) const {
    const bool in_entry = depth_ == 2 && !in_metadata_;
    fail("{}: safetensors header: expected {{name: {{dtype, shape, data_offsets}}}}, found {}{}", file_,
         found, in_entry ? " in " + printable(entries_.back().name) : "");
  }

  void see(Entry::Field field) {
    Entry& entry = entries_.back();
    if ((entry.seen & field) != 0)
      fail("{}: tensor {}: {} is there twice", file_, printable(entry.name), printable(field_));
    entry.seen |= field;
  }

  void check_complete(const Entry& entry) const {
    if (entry.seen != Entry::all_fields || entry.offsets.size() != 2) {
      fail("{}: tensor {}: expected a dtype, a shape and two data_offsets, found fewer", file_,
           printable(entry.name));
    }
  }

  const std::string& file_;
  std::vector<Entry> entries_;
  std::unordered_set<std::string> names_;
  std::string field_;
  std::vector<std::int64_t>* numbers_ = nullptr;  // the array being read
  int depth_ = 0;                                 // of objects
  bool in_metadata_ = false;
};

TensorView to_view(const Entry& entry, std::span<const std::byte> data, const std::string& file) {
  TensorView tensor;
  tensor.name = entry.name;
  tensor.file = file;
  tensor.shape = entry.shape;
  const auto begin = static_cast<std::uint64_t>(entry.offsets[0]);
  const auto end = static_cast<std::uint64_t>(entry.offsets[1]);
  if (begin > end || end > data.size()) {
    fail("{}: tensor {}: expected data_offsets within {} bytes, found [{}, {}]", file, printable(entry.name),
         data.size(), begin, end);
  }
  tensor.bytes = data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));

  static constexpr std::array<std::pair<std::string_view, DType>, 5> kDTypes = {{{"F32", DType::float32},
                                                                                 {"F16", DType::float16},
                                                                                 {"BF16", DType::bfloat16},
                                                                                 {"U32", DType::uint32},
                                                                                 {"U8", DType::uint8}}};
  const auto* known =
      std::find_if(kDTypes.begin(), kDTypes.end(), [&](auto& row) { return row.first == entry.dtype; });
  if (known == kDTypes.end()) {
    tensor.other_dtype = entry.dtype;
    return tensor;
  }
  tensor.dtype = known->second;
  if (bytes_of(tensor.shape, size_of(tensor.dtype)) != tensor.bytes.size()) {
    fail("{}: tensor {}: expected the bytes of {} {}, found {}", file, printable(entry.name),
         name_of(tensor.dtype), to_string(tensor.shape), tensor.bytes.size());
  }
  return tensor;
}

/// The format wants every byte of the data to belong to exactly one tensor.
void check_cover(const std::vector<TensorView>& tensors, std::span<const std::byte> data,
                 const std::string& file) {
  std::vector<const TensorView*> order;
  order.reserve(tensors.size());
  for (const TensorView& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorView* a, const TensorView* b) {
    return std::pair(a->bytes.data(), a->bytes.size()) < std::pair(b->bytes.data(), b->bytes.size());
  });
  std::size_t at = 0;
  for (const TensorView* tensor : order) {
    const auto begin = static_cast<std::size_t>(tensor->bytes.data() - data.data());
    if (begin < at) fail("{}: tensor {} overlaps another one", file, printable(tensor->name));
    if (begin > at)
      fail("{}: tensor {}: expected its data at {}, found a hole until {}", file, printable(tensor->name), at,
           begin);
    at = begin + tensor->bytes.size();
  }
  if (at != data.size()) fail("{}: expected {} bytes of tensors, found {}", file, at, data.size());
}

}  // namespace

std::vector<TensorView> read_safetensors(std::span<const std::byte> bytes, const std::string& file) {
  ByteReader reader(bytes, file, "safetensors header");
  const std::uint64_t header_bytes = reader.u64();
  if (header_bytes > kLongestHeader) {
    fail("{}: safetensors header: expected at most {} bytes, found {}", file, kLongestHeader, header_bytes);
  }
  const std::string_view header = reader.text(header_bytes);
  const auto data = reader.take(reader.remaining());
  if (!header.starts_with('{')) fail("{}: safetensors header: expected it to start with '{{'", file);
  HeaderHandler handler(file);
  json::sax_parse(header, &handler);
  std::vector<TensorView> tensors;
  for (const Entry& entry : handler.take()) tensors.push_back(to_view(entry, data, file));
  check_cover(tensors, data, file);
  return tensors;
}

}  // namespace tramontane
