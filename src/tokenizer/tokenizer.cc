#include "tramontane/tokenizer.h"

#include <charconv>
#include <exception>

#include "core/fail.h"
#include "core/mapped_file.h"
#include "core/utf8.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

// Keeps the library's int offsets into the normalised text, at most 127 times as long, from overflowing. The
// longest context of any model is a quarter of this.
constexpr std::size_t kLongestText = 16 << 20;

}  // namespace

Tokenizer::Impl::Impl(std::string_view bytes, std::string_view name) {
  const ModelFile model = check_model_file(bytes, name);
  type_ = model.type;
  add_dummy_prefix_ = model.add_dummy_prefix;
  strips_all_spaces_ = model.remove_extra_whitespaces;
  unk_surface_ = model.unk_surface;
  std::string refusal;
  try {
    const auto status = processor_.LoadFromSerializedProto(model.proto);
    if (!status.ok()) refusal = status.error_message();
  } catch (const std::exception& error) {  // its trie builder throws
    refusal = error.what();
  }
  if (!refusal.empty()) {
    fail("{}: expected a SentencePiece model, found one that the library refuses: {}", name,
         printable(refusal));
  }
  pieces_.reserve(static_cast<std::size_t>(model.vocab_size));
  for (TokenId id = 0; id < model.vocab_size; id++) {
    pieces_.push_back(classify(id));
    if (processor_.IsUnknown(id)) unk_id_ = id;
  }
}

/// The library decodes pieces by their text, so that of two pieces with one text the same one counts for
/// both.
Tokenizer::Impl::Piece Tokenizer::Impl::classify(TokenId id) const {
  const std::string& text = processor_.IdToPiece(id);
  const int meant = processor_.PieceToId(text);
  if (processor_.IsControl(meant)) return {PieceKind::control, 0};
  if (processor_.IsUnknown(meant)) return {PieceKind::unknown, 0};
  if (!processor_.IsByte(meant)) return {PieceKind::text, 0};
  unsigned value = 0;  // of "<0x0A>", a form that the library has checked
  std::from_chars(text.data() + 3, text.data() + 5, value, 16);
  return {PieceKind::byte, static_cast<char>(value)};
}

void Tokenizer::Impl::check_id(TokenId id) const {
  if (id < 0 || id >= vocab_size()) {
    fail("token: expected an id from 0 to {}, found {}", vocab_size() - 1, id);
  }
}

std::vector<TokenId> Tokenizer::Impl::encode(std::string_view text) const {
  std::vector<int> ids;
  const auto status = processor_.Encode(text, &ids);
  if (!status.ok()) fail("prompt: SentencePiece cannot encode it: {}", printable(status.error_message()));
  std::size_t kept = 0;
  for (const int id : ids) {
    const bool unknown = id >= vocab_size();  // one of the byte pieces that the file lacks
    if (unknown && kept > 0 && ids[kept - 1] == unk_id_) continue;
    ids[kept++] = unknown ? unk_id_ : id;
  }
  ids.resize(kept);
  return ids;
}

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = find(folder);
  return from_bytes(read_text(path, kLargestModelFile), path.string());
}

std::filesystem::path Tokenizer::find(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto holds = [&](const char* name) { return std::filesystem::exists(folder / name, ignored); };
  for (const char* version : {"", ".v7", ".v3", ".v2", ".v1"}) {
    const std::string name = std::string("tokenizer.model") + version;
    if (holds(name.c_str())) return folder / name;
  }
  if (holds("tekken.json")) {
    fail(
        "{}: expected a SentencePiece tokenizer (tokenizer.model), found only tekken.json, which is not "
        "supported",
        folder.string());
  }
  return folder / "tokenizer.model";
}

Tokenizer Tokenizer::from_bytes(std::string_view model, std::string_view name) {
  return Tokenizer(std::make_shared<const Impl>(model, name));
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

TokenId Tokenizer::control_id(std::string_view name) const {
  const TokenId id = impl_->processor().PieceToId(name);
  return impl_->processor().IsControl(id) ? id : -1;
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  for (const TokenId id : ids) impl_->check_id(id);
  std::string text;
  const auto status = impl_->processor().Decode(std::vector<int>(ids.begin(), ids.end()), &text);
  if (!status.ok()) fail("tokens: SentencePiece cannot decode them: {}", printable(status.error_message()));
  const bool space = !ids.empty() && impl_->spelling(ids[0]).starts_with(kMetaSpace);
  return space ? " " + text : text;
}

int Tokenizer::vocab_size() const { return impl_->vocab_size(); }
TokenId Tokenizer::bos_id() const { return impl_->processor().bos_id(); }
TokenId Tokenizer::eos_id() const { return impl_->processor().eos_id(); }

std::string_view Tokenizer::kind() const {
  switch (impl_->type()) {
    case ModelType::unigram:
      return "SentencePiece unigram";
    case ModelType::bpe:
      return "SentencePiece BPE";
    case ModelType::word:
      return "SentencePiece word";
    case ModelType::character:
      return "SentencePiece character";
  }
  return "?";
}

std::string Tokenizer::piece(TokenId id) const {
  impl_->check_id(id);
  return std::string(impl_->spelling(id));
}

}  // namespace tramontane
