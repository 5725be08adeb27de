#include "checkpoint/npy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "checkpoint/byte_reader.h"
#include "core/fail.h"

// The format is NumPy's NEP 1 and numpy.lib.format: a magic, a version, and a Python dictionary literal with
// the keys descr, fortran_order and shape, padded with spaces.
namespace tramontane {
namespace {

struct NpyHeader {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<Shape> shape;
};

/// Parses the dictionary: the few literals that can occur in it, not Python.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  NpyHeader parse() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string("a key");
      expect(':');
      if (key == "descr") {
        set(header_.descr, key, descr());
      } else if (key == "fortran_order") {
        set(header_.fortran_order, key, boolean());
      } else if (key == "shape") {
        set(header_.shape, key, shape());
      } else {
        fail("{}: npy header: expected descr, fortran_order and shape, found {}", where_, printable(key));
      }
      if (!accept(',') && peek() != '}') wrong("',' or '}'");
    }
    if (peek() != '\0' || position_ != text_.size()) wrong("the end");
    return std::move(header_);
  }

 private:
  [[noreturn]] void wrong(std::string_view expected) const {
    fail("{}: npy header: expected {}, found {}", where_, expected, printable(text_.substr(position_, 20)));
  }

  template <class T>
  void set(std::optional<T>& slot, std::string_view key, T value) const {
    if (slot) fail("{}: npy header: {} is there twice", where_, key);
    slot = std::move(value);
  }

  /// The next character that is not white space; '\0' at the end.
  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) position_++;
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool accept(char c) {
    if (peek() != c) return false;
    position_++;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) wrong(std::string{'\'', c, '\''});
  }

  std::string_view string(std::string_view what) {
    const char quote = peek();
    if (quote != '\'' && quote != '"') wrong(what);
    const std::size_t begin = position_ + 1;
    const std::size_t end = text_.find(quote, begin);
    if (end == std::string_view::npos) wrong(what);
    position_ = end + 1;
    return text_.substr(begin, end - begin);
  }

  std::string descr() {
    if (peek() == '[') fail("{}: expected a plain array, found one of structures", where_);
    return std::string(string("a type"));
  }

  bool boolean() {
    peek();
    const std::string_view rest = text_.substr(position_);
    for (const std::string_view word : {"True", "False"}) {
      if (!rest.starts_with(word)) continue;
      position_ += word.size();
      return word == "True";
    }
    wrong("True or False");
  }

  Shape shape() {
    Shape sizes;
    expect('(');
    while (!accept(')')) {
      if (sizes.size() == kMostDimensions) {
        fail("{}: expected at most {} dimensions, found more", where_, kMostDimensions);
      }
      sizes.push_back(size());
      if (!accept(',') && peek() != ')') wrong("',' or ')'");
    }
    return sizes;
  }

  std::int64_t size() {
    peek();
    std::int64_t value = 0;
    const char* begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc() || value < 0) wrong("a size");
    position_ += static_cast<std::size_t>(end - begin);
    return value;
  }

  std::string_view text_;
  std::string where_;
  std::size_t position_ = 0;
  NpyHeader header_;
};

DType parse_descr(const std::string& descr, const std::string& where) {
  if (descr == "<f4") return DType::float32;
  if (descr == "<f2") return DType::float16;
  if (descr == "<u4") return DType::uint32;
  if (descr == "|u1") return DType::uint8;
  if (descr == "V2" || descr == "|V2" || descr == "<V2") return DType::bfloat16;
  const std::string_view kind = std::string_view(descr).substr(0, 2);
  if (kind == "|O" || kind == "O")
    fail("{}: expected an array of numbers, found one of Python objects", where);
  if (descr.starts_with('>'))
    fail("{}: expected little-endian data, found big-endian {}", where, printable(descr));
  fail("{}: expected float32, float16, bfloat16, uint32 or uint8, found descr {}", where, printable(descr));
}

/// Whether row-major and column-major order are the same.
bool one_order(const Shape& shape) {
  return std::count_if(shape.begin(), shape.end(), [](std::int64_t size) { return size != 1; }) <= 1;
}

}  // namespace

TensorView parse_npy(std::span<const std::byte> bytes, const std::string& name, const std::string& file) {
  const std::string where = fmt::format("{}: tensor {}", file, printable(name));
  const std::string what = fmt::format("tensor {}: npy header", printable(name));
  ByteReader reader(bytes, file, what);
  if (reader.text(6) != "\x93NUMPY") fail("{}: expected an npy array, found other data", where);
  const std::uint16_t version = reader.u16();  // minor in the high byte
  if (version < 1 || version > 3) {
    fail("{}: expected npy version 1.0, 2.0 or 3.0, found {}.{}", where, version & 0xff, version >> 8);
  }
  const std::uint32_t header_bytes = version == 1 ? reader.u16() : reader.u32();
  const NpyHeader header = HeaderParser(reader.text(header_bytes), where).parse();
  if (!header.descr || !header.fortran_order || !header.shape) {
    fail("{}: npy header: expected descr, fortran_order and shape, found fewer", where);
  }
  TensorView tensor;
  tensor.name = name;
  tensor.file = file;
  tensor.dtype = parse_descr(*header.descr, where);
  tensor.shape = *header.shape;
  tensor.bytes = reader.take(reader.remaining());
  if (*header.fortran_order && !one_order(tensor.shape)) {
    fail("{}: expected row-major data, found Fortran order", where);
  }
  const auto expected = bytes_of(tensor.shape, size_of(tensor.dtype));
  if (expected != tensor.bytes.size()) {
    fail("{}: expected the bytes of {} {}, found {}", where, name_of(tensor.dtype), to_string(tensor.shape),
         tensor.bytes.size());
  }
  return tensor;
}

std::vector<TensorView> read_npz(std::span<const std::byte> bytes, const std::string& file,
                                 InflatedMembers& inflated) {
  constexpr std::string_view kSuffix = ".npy";
  std::vector<TensorView> tensors;
  for (const ZipMember& member : read_zip_directory(bytes, file)) {
    if (!member.name.ends_with(kSuffix)) {
      fail("{}: zip member {}: expected a name that ends in .npy", file, printable(member.name));
    }
    const std::string name = member.name.substr(0, member.name.size() - kSuffix.size());
    tensors.push_back(
        parse_npy(member.deflated ? inflated.inflate(member, file) : member.stored, name, file));
  }
  return tensors;
}

}  // namespace tramontane
