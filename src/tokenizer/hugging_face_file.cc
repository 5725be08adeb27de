#include "tokenizer/hugging_face_file.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/fail.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/hugging_face_steps.h"

namespace tramontane {
namespace {

using nlohmann::json;

constexpr std::size_t kMostMerges = 1 << 22;

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& name)
      : name_(name), json_(parse_json(bytes, name)), top_(json_, name_) {}

  HuggingFaceFile run() {
    const auto model = top_.object("model");
    if (!model) top_.wrong("model", "an object");
    check_model(*model);
    file_.normalizer = read_normalizer(top_);
    file_.pre_tokenizer = read_pre_tokenizer(top_);
    file_.decoder = read_decoder(top_);
    file_.ends = read_post_processor(top_);
    if (file_.pre_tokenizer.bytes && file_.model.byte_fallback) {
      model->wrong("byte_fallback", "false, as the text is cut into bytes");
    }
    read_vocabulary(*model);
    read_added_tokens();
    read_merges(*model);
    find_byte_tokens();
    make_pieces();
    return std::move(file_);
  }

 private:
  void check_model(const Fields& model) {
    if (model.string("type").value_or("BPE") != "BPE") model.wrong("type", "'BPE'");
    allow_only(model, {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                       "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
    if (model.number("dropout", 0, 1).value_or(0) != 0) model.wrong("dropout", "null");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!model.string(key).value_or("").empty()) model.wrong(key, "null");
    }
    file_.model.fuse_unk = model.boolean("fuse_unk").value_or(false);
    file_.model.byte_fallback = model.boolean("byte_fallback").value_or(false);
    file_.model.ignore_merges = model.boolean("ignore_merges").value_or(false);
  }

  void read_vocabulary(const Fields& model) {
    const auto vocab = model.object("vocab");
    if (!vocab || vocab->value().empty()) model.wrong("vocab", "an object with the ids of pieces");
    for (const auto& [piece, value] : vocab->value().items()) {
      if (piece.empty() || piece.size() > kLongestPiece) {
        fail("{}: key '{}': expected pieces of 1 to {} bytes, found {}", name_, "model.vocab", kLongestPiece,
             printable(piece));
      }
      const std::uint64_t number = value.is_number_unsigned() ? value.get<std::uint64_t>() : kMostTokens;
      if (number >= kMostTokens) {
        fail("{}: key {}: expected an integer in 0..{}, found {}", name_, printable("model.vocab." + piece),
             kMostTokens - 1, describe(value));
      }
      const auto id = static_cast<TokenId>(number);
      if (!spelling(id).empty()) {
        fail("{}: key 'model.vocab': expected an id of its own for each piece, found {} for {} and {}", name_,
             id, printable(spelling(id)), printable(piece));
      }
      spelling(id) = piece;
      ids_.emplace(piece, id);
    }
    if (const auto unknown = model.string("unk_token"); unknown && !unknown->empty()) {
      file_.model.unk_id = id_of(*unknown);
      if (file_.model.unk_id < 0) model.wrong("unk_token", "a piece of the vocabulary");
    }
  }

  /// Empty for an id without a piece so far.
  std::string& spelling(TokenId id) {
    const auto at = static_cast<std::size_t>(id);
    if (at >= file_.pieces.size()) file_.pieces.resize(at + 1);
    return file_.pieces[at];
  }

  TokenId id_of(const std::string& piece) const {
    const auto found = ids_.find(piece);
    return found == ids_.end() ? -1 : found->second;
  }

  /// Those that are not in the vocabulary are numbered after it, whatever ids the file gives them: other ids
  /// are refused, as some programs would take them.
  void read_added_tokens() {
    const auto vocabulary_size = static_cast<TokenId>(ids_.size());
    const json* listed = top_.find("added_tokens");
    if (listed != nullptr && !listed->is_array()) top_.wrong("added_tokens", "a list");
    std::set<std::string> seen;
    TokenId next = vocabulary_size;
    for (std::size_t i = 0; listed != nullptr && i < listed->size(); i++) {
      const Fields fields((*listed)[i], name_, fmt::format("added_tokens[{}].", i));
      AddedToken token = added_token(fields);
      if (!seen.insert(token.content).second) fields.wrong("content", "another text than of those before");
      const TokenId known = id_of(token.content);
      const TokenId expected = known >= 0 ? known : next;
      if (token.id != expected) fields.wrong("id", fmt::format("{}", expected));
      next = std::max(next, token.id + 1);
      if (known < 0) {
        if (!spelling(token.id).empty()) fields.wrong("id", "an id that no piece has");
        spelling(token.id) = token.content;
      }
      file_.added_tokens.push_back(std::move(token));
    }
    file_.special.resize(file_.pieces.size());
    for (const AddedToken& token : file_.added_tokens) {
      if (token.special) file_.special[static_cast<std::size_t>(token.id)] = true;
    }
  }

  static AddedToken added_token(const Fields& fields) {
    allow_only(fields, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token;
    token.content = fields.string("content").value_or("");
    if (token.content.empty() || token.content.size() > kLongestPiece) {
      fields.wrong("content", fmt::format("a text of 1 to {} bytes", kLongestPiece));
    }
    token.id = static_cast<TokenId>(fields.need_integer("id", 0, kMostTokens - 1));
    const auto flag = [&](const char* key) {
      const auto value = fields.boolean(key);
      if (!value) fields.wrong(key, "true or false");
      return *value;
    };
    token.special = flag("special");
    token.single_word = flag("single_word");
    token.lstrip = flag("lstrip");
    token.rstrip = flag("rstrip");
    token.normalized = flag("normalized");
    return token;
  }

  void read_merges(const Fields& model) {
    const json* listed = model.find("merges");
    if (listed == nullptr || !listed->is_array() || listed->size() > kMostMerges) {
      model.wrong("merges", fmt::format("a list of at most {} pairs", kMostMerges));
    }
    for (std::size_t i = 0; i < listed->size(); i++) {
      const json& entry = (*listed)[i];
      if (entry.is_string() && entry.get_ref<const std::string&>().starts_with("#version")) continue;
      const auto pair = pair_of(entry);
      const TokenId left = pair ? id_of(pair->first) : -1;
      const TokenId right = pair ? id_of(pair->second) : -1;
      const TokenId merged = pair ? id_of(pair->first + pair->second) : -1;
      if (left < 0 || right < 0 || merged < 0) {
        fail("{}: key 'model.merges[{}]': expected two pieces that together are one, found {}", name_, i,
             entry.is_array() ? printable(entry.dump()) : describe(entry));
      }
      if (!special(left) && !special(right) && !special(merged)) {
        file_.model.merges.push_back({left, right, merged});
      }
    }
  }

  /// Of "a b" and of ["a", "b"].
  static std::optional<std::pair<std::string, std::string>> pair_of(const json& entry) {
    if (entry.is_array()) {
      if (entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string()) return std::nullopt;
      return std::pair(entry[0].get<std::string>(), entry[1].get<std::string>());
    }
    if (!entry.is_string()) return std::nullopt;
    const auto& text = entry.get_ref<const std::string&>();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) return std::nullopt;
    return std::pair(text.substr(0, space), text.substr(space + 1));
  }

  bool special(TokenId id) const { return file_.special[static_cast<std::size_t>(id)]; }

  void find_byte_tokens() {
    for (unsigned byte = 0; byte < 256; byte++) {
      const TokenId id = id_of(fmt::format("<0x{:02X}>", byte));
      file_.model.byte_ids[byte] = id >= 0 && !special(id) ? id : -1;
    }
  }

  /// Those that text can become, as it spells them.
  void make_pieces() {
    file_.model.pieces.resize(file_.pieces.size());
    for (const auto& [piece, id] : ids_) {
      if (special(id)) continue;
      std::string& spelled = file_.model.pieces[static_cast<std::size_t>(id)];
      spelled = file_.pre_tokenizer.bytes ? bytes_of_letters(piece).value_or("") : piece;
    }
  }

  const std::string& name_;
  json json_;
  Fields top_;
  std::unordered_map<std::string, TokenId> ids_;  // of the vocabulary, without added tokens
  HuggingFaceFile file_;
};

}  // namespace

HuggingFaceFile read_hugging_face_file(std::string_view bytes, const std::string& name) {
  return Reader(bytes, name).run();
}

}  // namespace tramontane
