#include "tokenizer/model_writer.h"

#include <bit>
#include <cstdint>
#include <string_view>

// Field numbers are those of SentencePiece 0.1.97's sentencepiece_model.proto.
namespace tramontane {
namespace {

constexpr std::uint64_t kBpe = 2;

class Message {
 public:
  void integer(unsigned field, std::uint64_t value) {
    varint(field << 3);
    varint(value);
  }
  void boolean(unsigned field, bool value) { integer(field, value ? 1 : 0); }
  /// An int32 that may be negative: protocol buffers extend the sign to 64 bits.
  void id(unsigned field, int value) { integer(field, static_cast<std::uint64_t>(std::int64_t{value})); }
  void bytes(unsigned field, std::string_view content) {
    varint(field << 3 | 2);
    varint(content.size());
    bytes_ += content;
  }
  void real(unsigned field, float value) {
    varint(field << 3 | 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xff);
  }
  const std::string& text() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

Message trainer_spec(const SentencePieceModel& model) {
  const auto text = [&](int id) { return std::string_view(model.pieces[static_cast<std::size_t>(id)].text); };
  Message spec;
  spec.integer(3, kBpe);
  spec.integer(4, model.pieces.size());
  spec.boolean(35, model.byte_fallback);
  int unk_id = 0;
  for (std::size_t n = 0; n < model.pieces.size(); n++) {
    if (model.pieces[n].type == SentencePiece::Type::unknown) unk_id = static_cast<int>(n);
  }
  spec.id(40, unk_id);
  spec.id(41, model.bos_id);
  spec.id(42, model.eos_id);
  spec.bytes(45, text(unk_id));
  // The library finds them by these texts, for which it has defaults; the unknown piece stands for none.
  spec.bytes(46, text(model.bos_id < 0 ? unk_id : model.bos_id));
  spec.bytes(47, text(model.eos_id < 0 ? unk_id : model.eos_id));
  return spec;
}

Message normalizer_spec(const SentencePieceModel& model) {
  Message spec;
  spec.bytes(1, "identity");
  spec.boolean(3, model.add_dummy_prefix);
  spec.boolean(4, false);  // remove_extra_whitespaces
  spec.boolean(5, true);   // escape_whitespaces
  return spec;
}

}  // namespace

std::string write_sentencepiece_model(const SentencePieceModel& model) {
  Message proto;
  for (const SentencePiece& piece : model.pieces) {
    Message message;
    message.bytes(1, piece.text);
    message.real(2, piece.score);
    message.integer(3, static_cast<std::uint64_t>(piece.type));
    proto.bytes(1, message.text());
  }
  proto.bytes(2, trainer_spec(model).text());
  proto.bytes(3, normalizer_spec(model).text());
  return proto.text();
}

}  // namespace tramontane
