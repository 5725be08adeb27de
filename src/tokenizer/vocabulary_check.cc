#include "tokenizer/vocabulary_check.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "core/fail.h"
#include "core/mapped_file.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/byte_text.h"
#include "tokenizer/hugging_face_file.h"

namespace tramontane {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// Picks out model.vocab and the ids and contents of added_tokens.
class VocabularyReader final : public json::json_sax_t {
 public:
  std::vector<std::string> take() { return std::move(pieces_); }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(json::number_integer_t) override { return true; }
  bool number_float(json::number_float_t, const std::string&) override { return true; }
  bool binary(json::binary_t&) override { return true; }
  bool number_unsigned(json::number_unsigned_t value) override {
    if (in_vocabulary()) set(value, keys_[2]);
    if (in_added_token() && keys_[2] == "id") added_id_ = value;
    return true;
  }
  bool string(std::string& text) override {
    if (in_added_token() && keys_[2] == "content") added_content_ = text;
    return true;
  }
  bool start_object(std::size_t) override { return open(); }
  bool start_array(std::size_t) override { return open(); }
  bool key(std::string& name) override {
    keys_.back() = name;
    return true;
  }
  bool end_object() override {
    if (in_added_token()) {
      if (added_id_) set(*added_id_, added_content_);
      added_id_.reset();
    }
    return end_array();
  }
  bool end_array() override {
    keys_.pop_back();
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

 private:
  bool open() {
    constexpr std::size_t kDeepest = 32;
    keys_.emplace_back();
    return keys_.size() <= kDeepest;
  }
  bool in_vocabulary() const { return keys_.size() == 3 && keys_[0] == "model" && keys_[1] == "vocab"; }
  bool in_added_token() const { return keys_.size() == 3 && keys_[0] == "added_tokens"; }

  void set(json::number_unsigned_t id, const std::string& piece) {
    if (id >= kMostTokens) return;
    if (id >= pieces_.size()) pieces_.resize(id + 1);
    pieces_[id] = piece;
  }

  std::vector<std::string> keys_;  // of what is open, outermost first; empty in a list
  std::optional<json::number_unsigned_t> added_id_;
  std::string added_content_;
  std::vector<std::string> pieces_;
};

/// The text of letters that stand for bytes; as they are when they do not.
std::string text_of_letters(const std::string& letters) {
  std::optional<std::string> bytes = bytes_of_letters(letters);
  if (!bytes) return letters;
  std::string text;
  take_rest(*bytes, text, Replace::each_start);
  return text;
}

std::string describe_differences(const Tokenizer& tokenizer, const std::vector<std::string>& pieces) {
  if (pieces.empty()) return "no vocabulary to compare";
  const auto size = static_cast<std::size_t>(tokenizer.vocab_size());
  if (pieces.size() != size) return fmt::format("{} pieces instead of {}", pieces.size(), size);
  const bool letters = tokenizer.kind() == "tekken";
  std::size_t count = 0;
  std::string first;
  for (std::size_t id = 0; id < size; id++) {
    const std::string piece = tokenizer.piece(static_cast<TokenId>(id));
    if (pieces[id] == piece || (letters && text_of_letters(pieces[id]) == piece)) continue;
    if (count++ == 0)
      first = fmt::format("{} instead of {} for id {}", printable(pieces[id]), printable(piece), id);
  }
  return count == 0 ? "" : fmt::format("{} other pieces, the first {}", count, first);
}

}  // namespace

std::vector<std::string> read_vocabulary(std::string_view bytes) {
  VocabularyReader reader;
  if (!json::sax_parse(bytes, &reader)) return {};
  return reader.take();
}

std::vector<std::string> find_disagreements(const Tokenizer& tokenizer, const fs::path& folder) {
  const fs::path used = find_tokenizer_file(folder);
  const fs::path other = folder / "tokenizer.json";
  std::error_code ignored;
  if (used == other || !fs::exists(other, ignored)) return {};
  const std::string found =
      describe_differences(tokenizer, read_vocabulary(read_text(other, kLargestHuggingFaceFile)));
  if (found.empty()) return {};
  return {one_line(fmt::format("{}: expected the vocabulary of {}, which is used, found {}", other.string(),
                               used.filename().string(), found))};
}

}  // namespace tramontane
