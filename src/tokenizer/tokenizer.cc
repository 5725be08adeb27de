#include "tramontane/tokenizer.h"

#include "core/fail.h"
#include "core/mapped_file.h"
#include "core/utf8.h"
#include "tokenizer/tokenizer_files.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/vocabulary_check.h"

namespace tramontane {
namespace {

// Keeps the library's int offsets into the normalised text, at most 127 times as long, from overflowing. The
// longest context of any model is a quarter of this.
constexpr std::size_t kLongestText = 16 << 20;

}  // namespace

void Tokenizer::Impl::check_id(TokenId id) const {
  if (id < 0 || id >= vocab_size()) {
    fail("token: expected an id from 0 to {}, found {}", vocab_size() - 1, id);
  }
}

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = find(folder);
  const TokenizerFormat format = format_of_name(path.string());
  const std::string bytes = read_text(path, largest_file(format));
  if (format != TokenizerFormat::hugging_face) return from_bytes(bytes, path.string());
  return Tokenizer(read_hugging_face(bytes, path.string(), read_end_tokens(folder)));
}

std::filesystem::path Tokenizer::find(const std::filesystem::path& folder) {
  return find_tokenizer_file(folder);
}

Tokenizer Tokenizer::from_bytes(std::string_view bytes, std::string_view name) {
  switch (format_of_name(name)) {
    case TokenizerFormat::tekken:
      return Tokenizer(read_tekken(bytes, name));
    case TokenizerFormat::hugging_face:
      return Tokenizer(read_hugging_face(bytes, name, EndTokens()));
    case TokenizerFormat::sentencepiece:
      break;
  }
  return Tokenizer(read_sentencepiece(bytes, name));
}

std::vector<std::string> Tokenizer::disagreements(const std::filesystem::path& folder) const {
  return find_disagreements(*this, folder);
}

std::vector<TokenId> Tokenizer::encode(std::string_view text) const {
  std::vector<TokenId> ids = encode_text(text);
  if (bos_id() >= 0) ids.insert(ids.begin(), bos_id());
  return ids;
}

std::vector<TokenId> Tokenizer::encode_text(std::string_view text) const {
  if (text.size() > kLongestText)
    fail("prompt: expected at most {} bytes, found {}", kLongestText, text.size());
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    fail("prompt: expected UTF-8, found byte {:#04x} at offset {}", static_cast<unsigned char>(text[at]), at);
  }
  return impl_->encode(text);
}

TokenId Tokenizer::control_id(std::string_view name) const { return impl_->control_id(name); }

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  for (const TokenId id : ids) impl_->check_id(id);
  return impl_->decode(ids);
}

int Tokenizer::vocab_size() const { return impl_->vocab_size(); }
TokenId Tokenizer::bos_id() const { return impl_->bos_id(); }
TokenId Tokenizer::eos_id() const { return impl_->eos_id(); }
std::string_view Tokenizer::kind() const { return impl_->kind(); }
std::string Tokenizer::version() const { return impl_->version(); }

std::string Tokenizer::model_settings() const { return impl_->model_settings(); }

std::string Tokenizer::piece(TokenId id) const {
  impl_->check_id(id);
  return impl_->piece(id);
}

}  // namespace tramontane
