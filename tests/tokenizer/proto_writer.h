#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

// Writes SentencePiece models by hand, right ones and wrong ones.
namespace tramontane {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

inline std::string field_varint(unsigned number, std::uint64_t value) {
  return varint(number << 3) + varint(value);
}

inline std::string field_bytes(unsigned number, std::string_view content) {
  return varint(number << 3 | 2) + varint(content.size()) + std::string(content);
}

inline std::string little_endian_32(std::uint32_t value) {
  std::string out;
  for (int i = 0; i < 4; i++) out += static_cast<char>(value >> (8 * i));
  return out;
}

inline std::string field_float(unsigned number, float value) {
  return varint(number << 3 | 5) + little_endian_32(std::bit_cast<std::uint32_t>(value));
}

enum PieceType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

inline std::string piece_field(std::string_view text, PieceType type = kNormal, float score = 0) {
  const auto kind = static_cast<std::uint64_t>(type);
  return field_bytes(1, field_bytes(1, text) + field_float(2, score) + field_varint(3, kind));
}

/// A model as its parts, each of which a test may replace.
struct ModelWriter {
  std::string pieces = piece_field("<unk>", kUnknown) + piece_field("<s>", kControl) + piece_field("a") +
                       piece_field("b") + piece_field("ab");
  std::string trainer_spec = field_varint(3, 2);  // BPE
  std::string normalizer_spec = field_bytes(1, "identity");
  std::string more;

  std::string bytes() const {
    return pieces + field_bytes(2, trainer_spec) + field_bytes(3, normalizer_spec) + more;
  }
};

}  // namespace tramontane
