#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tramontane {

/// The wire types of protocol buffers that are in use; groups are long deprecated and refused.
enum class WireType { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// One field of a protocol buffer message.
struct ProtoField {
  std::uint32_t number = 0;
  WireType wire = WireType::varint;
  std::uint64_t value = 0;  // of a varint; the bits of a fixed32 or fixed64
  std::string_view bytes;   // of a string or a nested message: a view into the message
  std::string_view whole;   // tag and content, as they stand in the message
};

/// Reads the fields of one message in order. The bytes are untrusted; they must outlive the reader and its
/// fields.
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : message_(message) {}

  /// The next field; none at the end of the message, or where the message is malformed.
  std::optional<ProtoField> next();

  /// Where the next field starts, or where the malformed one does.
  std::size_t offset() const { return at_; }
  bool malformed() const { return malformed_; }

 private:
  std::optional<ProtoField> read_field();
  std::optional<std::uint64_t> read_varint();
  std::optional<std::string_view> take(std::uint64_t size);

  std::string_view message_;
  std::size_t at_ = 0;
  bool malformed_ = false;
};

}  // namespace tramontane
