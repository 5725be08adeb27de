#include "tokenizer/proto_reader.h"

namespace tramontane {
namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); i++) {
    value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  return value;
}

}  // namespace

std::optional<ProtoField> ProtoReader::next() {
  if (malformed_ || at_ == message_.size()) return std::nullopt;
  const std::size_t start = at_;
  std::optional<ProtoField> field = read_field();
  if (field) {
    field->whole = message_.substr(start, at_ - start);
  } else {
    malformed_ = true;
    at_ = start;
  }
  return field;
}

std::optional<ProtoField> ProtoReader::read_field() {
  const auto tag = read_varint();
  if (!tag || *tag >> 32 != 0 || *tag >> 3 == 0) return std::nullopt;
  ProtoField field;
  field.number = static_cast<std::uint32_t>(*tag >> 3);
  field.wire = static_cast<WireType>(*tag & 7);
  switch (field.wire) {
    case WireType::varint: {
      const auto value = read_varint();
      if (!value) return std::nullopt;
      field.value = *value;
      return field;
    }
    case WireType::fixed32:
    case WireType::fixed64: {
      const auto content = take(field.wire == WireType::fixed32 ? 4 : 8);
      if (!content) return std::nullopt;
      field.value = little_endian(*content);
      return field;
    }
    case WireType::bytes: {
      const auto size = read_varint();
      const auto content = size ? take(*size) : std::nullopt;
      if (!content) return std::nullopt;
      field.bytes = *content;
      return field;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ProtoReader::read_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == message_.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(message_[at_++]);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> ProtoReader::take(std::uint64_t size) {
  if (size > message_.size() - at_) return std::nullopt;
  const std::string_view content = message_.substr(at_, static_cast<std::size_t>(size));
  at_ += content.size();
  return content;
}

}  // namespace tramontane
