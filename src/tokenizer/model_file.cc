#include "tokenizer/model_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/fail.h"
#include "core/utf8.h"
#include "tokenizer/charsmap.h"
#include "tokenizer/proto_reader.h"

namespace tramontane {
namespace {

constexpr std::string_view kMetaSpace = "\xe2\x96\x81";  // U+2581
constexpr std::size_t kMostPieces = 1 << 20;
// Bounds the recursion and the time per character of the library's tries.
constexpr std::size_t kLongestPiece = 1024;
// Bounds what lists of empty strings, two bytes each here, take as objects in memory.
constexpr std::size_t kLargestTrainerSpec = 1 << 20;
// The library keeps the user-defined symbols that match at one place in an array of 64.
constexpr std::size_t kMostNestedSymbols = 64;

/// Walks a ModelProto (sentencepiece_model.proto of SentencePiece 0.1.97, whose field numbers these are).
class ModelCheck {
 public:
  ModelCheck(std::string_view bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  ModelFile run() {
    if (bytes_.empty()) bad("an empty file");
    if (bytes_.size() > kLargestModelFile) bad("{} bytes", bytes_.size());
    walk(bytes_, "the model", [this](const ProtoField& field) { read_model_field(field); });
    if (pieces_ == 0) bad("no pieces");
    if (!has_trainer_spec_) bad("no trainer_spec");
    if (!has_normalizer_spec_) bad("no normalizer_spec");
    check_nested_symbols();
    model_.vocab_size = static_cast<int>(pieces_);
    model_.plain =
        plain_ && byte_fallback_ && model_.type == ModelType::bpe && !model_.remove_extra_whitespaces;
    model_.symbols.assign(symbols_.begin(), symbols_.end());
    if (!byte_fallback_) add_byte_pieces();
    return std::move(model_);
  }

 private:
  enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> text, Args&&... args) const {
    fail("{}: expected a SentencePiece model, found {}", name_,
         fmt::format(text, std::forward<Args>(args)...));
  }

  template <class Function>
  void walk(std::string_view message, std::string_view what, Function read) const {
    ProtoReader reader(message);
    while (const auto field = reader.next()) read(*field);
    if (reader.malformed())
      bad("a broken or cut field at byte {} of {} bytes of {}", reader.offset(), message.size(), what);
  }

  void read_model_field(const ProtoField& field) {
    switch (field.number) {
      case 1:
        read_piece(string_of(field, "pieces"));
        break;
      case 2:
        read_trainer_spec(string_of(field, "trainer_spec"));
        break;
      case 3:
        read_normalizer_spec(string_of(field, "normalizer_spec"));
        break;
      case 5:
        check_denormalizer_spec(string_of(field, "denormalizer_spec"));
        return;
      default:
        return;  // the self-test; extensions
    }
    model_.proto += field.whole;
  }

  void read_piece(std::string_view message) {
    std::string_view text;
    auto type = PieceType::normal;
    walk(message, "a piece", [&](const ProtoField& field) {
      if (field.number == 1) text = string_of(field, "piece");
      if (field.number == 2) check_score(field);
      if (field.number == 3) type = static_cast<PieceType>(integer_of(field, "type", 1, 6));
    });
    if (++pieces_ > kMostPieces) bad("more than {} pieces", kMostPieces);
    if (text.empty()) bad("piece {} without text", pieces_ - 1);
    check_text(text, "a piece");
    const bool is_text = type == PieceType::normal || type == PieceType::user_defined;
    // The library would take a special piece for text that has one character, or give it back as unused.
    if (!is_text && (type == PieceType::unused || utf8_head(text).length == text.size())) plain_ = false;
    if (type == PieceType::user_defined) {
      symbols_.push_back(text);
      if (text.find(' ') != std::string_view::npos || text.find(kMetaSpace) != std::string_view::npos)
        plain_ = false;
    }
    if (text.size() == 6 && text.starts_with("<0x")) has_byte_pieces_ = true;
  }

  void check_score(const ProtoField& field) const {
    if (field.wire != WireType::fixed32) bad("a score that is not a float");
    if (std::isnan(std::bit_cast<float>(static_cast<std::uint32_t>(field.value))))
      bad("a score that is not a number");
  }

  void read_trainer_spec(std::string_view message) {
    if (has_trainer_spec_) bad("a second trainer_spec");
    has_trainer_spec_ = true;
    if (message.size() > kLargestTrainerSpec) bad("a trainer_spec of {} bytes", message.size());
    walk(message, "the trainer_spec", [this](const ProtoField& field) {
      if (field.number == 3) model_.type = static_cast<ModelType>(integer_of(field, "model_type", 1, 4));
      if (field.number == 24 && integer_of(field, "treat_whitespace_as_suffix", 0, 1) != 0) plain_ = false;
      if (field.number == 35) byte_fallback_ = integer_of(field, "byte_fallback", 0, 1) != 0;
      if (field.number == 44) {
        model_.unk_surface = string_of(field, "unk_surface");
        check_text(model_.unk_surface, "unk_surface");
      }
    });
  }

  void read_normalizer_spec(std::string_view message) {
    if (has_normalizer_spec_) bad("a second normalizer_spec");
    has_normalizer_spec_ = true;
    std::string_view charsmap;
    walk(message, "the normalizer_spec", [&](const ProtoField& field) {
      if (field.number == 2) charsmap = string_of(field, "precompiled_charsmap");
      if (field.number == 3) model_.add_dummy_prefix = integer_of(field, "add_dummy_prefix", 0, 1) != 0;
      if (field.number == 4)
        model_.remove_extra_whitespaces = integer_of(field, "remove_extra_whitespaces", 0, 1) != 0;
      if (field.number == 5 && integer_of(field, "escape_whitespaces", 0, 1) == 0) plain_ = false;
    });
    if (charsmap.empty()) return;
    plain_ = false;
    if (const auto fault = find_charsmap_fault(charsmap)) bad("a precompiled_charsmap with {}", *fault);
  }

  /// Rules that rewrite decoded text cannot be followed token by token. No Mistral model has any.
  void check_denormalizer_spec(std::string_view message) const {
    walk(message, "the denormalizer_spec", [this](const ProtoField& field) {
      if (field.number == 2 && !field.bytes.empty()) bad("denormalizer_spec rules, which are not supported");
    });
  }

  /// The library reads texts as C strings in places, and decoding must give UTF-8.
  void check_text(std::string_view text, std::string_view what) const {
    if (text.size() > kLongestPiece) bad("{} of {} bytes", what, text.size());
    if (text.find('\0') != std::string_view::npos) bad("a NUL in {}: {}", what, printable(text));
    if (find_invalid_utf8(text) != std::string_view::npos)
      bad("{} that is not UTF-8: {}", what, printable(text));
  }

  /// In sorted order the prefixes of a symbol that are symbols themselves are on a stack when it comes.
  void check_nested_symbols() {
    std::sort(symbols_.begin(), symbols_.end());
    std::vector<std::string_view> prefixes;
    for (const std::string_view symbol : symbols_) {
      while (!prefixes.empty() && !symbol.starts_with(prefixes.back())) prefixes.pop_back();
      prefixes.push_back(symbol);
      if (prefixes.size() > kMostNestedSymbols) {
        bad("more than {} user-defined symbols that start with each other", kMostNestedSymbols);
      }
    }
  }

  void add_byte_pieces() {
    if (has_byte_pieces_) bad("byte pieces without byte_fallback");
    for (int byte = 0; byte < 256; byte++) {
      model_.proto +=
          fmt::format("\x0a\x0a\x0a\x06<0x{:02X}>\x18\x06", byte);  // pieces { piece, type: BYTE }
    }
    model_.proto +=
        "\x12\x03\x98\x02\x01";  // trainer_spec { byte_fallback: true }, which adds to the one before
  }

  std::string_view string_of(const ProtoField& field, std::string_view what) const {
    if (field.wire != WireType::bytes) bad("{} of wire type {}", what, static_cast<int>(field.wire));
    return field.bytes;
  }

  std::uint64_t integer_of(const ProtoField& field, std::string_view what, std::uint64_t low,
                           std::uint64_t high) const {
    if (field.wire != WireType::varint) bad("{} of wire type {}", what, static_cast<int>(field.wire));
    if (field.value < low || field.value > high) bad("{} {}", what, field.value);
    return field.value;
  }

  std::string_view bytes_;
  std::string_view name_;
  ModelFile model_;
  std::size_t pieces_ = 0;
  std::vector<std::string_view> symbols_;  // user-defined
  bool plain_ = true;                      // as far as was read
  bool byte_fallback_ = false;
  bool has_byte_pieces_ = false;
  bool has_trainer_spec_ = false;
  bool has_normalizer_spec_ = false;
};

}  // namespace

ModelFile check_model_file(std::string_view bytes, std::string_view name) {
  return ModelCheck(bytes, name).run();
}

}  // namespace tramontane
