#include "tokenizer/plain_bpe.h"

#include <algorithm>
#include <functional>

#include "tokenizer/first_character.h"
#include "tokenizer/merge.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

constexpr std::uint32_t kNoPiece = ~std::uint32_t{0};

}  // namespace

struct PlainBpe::Part {
  const char* begin;
  std::uint32_t size;   // bytes
  std::uint32_t piece;  // in the vocabulary; kNoPiece
};

struct PlainBpe::MergeOf {
  const PlainBpe& bpe;

  std::optional<Merge<Part>> operator()(const Part& left, const Part& right) const {
    const std::uint32_t size = left.size + right.size;
    const auto look_up = [&] { return bpe.vocabulary_.find({left.begin, size}); };
    const bool known = left.piece != kNoPiece && right.piece != kNoPiece;
    if (!known && bpe.pieces_are_of_pieces_) return std::nullopt;
    const auto piece = known ? bpe.pairs_.find(left.piece, right.piece, look_up) : look_up();
    if (!piece) return std::nullopt;
    return Merge<Part>{bpe.ranks_[*piece], {left.begin, size, *piece}};
  }
};

struct PlainBpe::State {
  WordCache words;
  Merger<Part, MergeOf> merger;
  std::vector<Part> parts;
  std::vector<TokenId> ids;  // the result
};

PlainBpe::PlainBpe(const std::vector<Piece>& pieces, const std::array<TokenId, 256>& byte_ids,
                   bool add_dummy_prefix, const std::vector<std::string>& symbols)
    : symbols_(symbols),
      byte_ids_(byte_ids),
      add_dummy_prefix_(add_dummy_prefix),
      characters_(0x10000, kNoPiece) {
  std::vector<float> scores;
  scores.reserve(pieces.size());
  ids_.reserve(pieces.size());
  ranks_.reserve(pieces.size());
  for (const Piece& piece : pieces) scores.push_back(piece.score);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  for (const Piece& piece : pieces) {
    vocabulary_.add(piece.text);
    ids_.push_back(piece.id);
    const auto better = std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>());
    ranks_.push_back(static_cast<std::uint32_t>(better - scores.begin()));
    if (has_inner_space(piece.text)) cut_words_ = false;
  }
  for (std::uint32_t piece = 0; piece < vocabulary_.size(); piece++) {
    const Character character = first_character(vocabulary_[piece]);
    const bool is_all = character.size == vocabulary_[piece].size();
    if (is_all && character.code < characters_.size()) characters_[character.code] = piece;
  }
  find_whole_words();
}

void PlainBpe::find_whole_words() {
  Merger<Part, MergeOf> merger(MergeOf{*this});
  std::vector<Part> parts;
  pieces_are_of_pieces_ = false;
  bool closed = true;
  whole_.reserve(vocabulary_.size());
  for (std::uint32_t piece = 0; piece < vocabulary_.size(); piece++) {
    split(vocabulary_[piece], parts);
    for (const Part& part : parts) closed = closed && part.piece != kNoPiece;
    merger.run(parts);
    whole_.push_back(parts.size() == 1);
  }
  pieces_are_of_pieces_ = closed;
}

std::vector<TokenId> PlainBpe::encode(std::string_view text) const {
  const std::string spaced = with_meta_spaces(text);
  State state{WordCache(text.size()), Merger<Part, MergeOf>(MergeOf{*this}), {}, {}};
  for (std::string_view rest = spaced; !rest.empty();) {
    const auto [begin, symbol] = symbols_.find(rest);
    encode_words(rest.substr(0, begin), state);
    if (const auto piece = vocabulary_.find(symbol)) state.ids.push_back(ids_[*piece]);
    rest.remove_prefix(begin + symbol.size());
  }
  return std::move(state.ids);
}

void PlainBpe::encode_words(std::string_view text, State& state) const {
  auto& [words, merger, parts, ids] = state;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = word_end(text, begin);
    const std::string_view word = text.substr(begin, end - begin);
    begin = end;
    const std::uint64_t hash = hash_bytes(word);
    if (words.append(word, hash, ids)) continue;
    const std::size_t first = ids.size();
    if (const auto piece = vocabulary_.find(word, hash); piece && whole_[*piece]) {
      ids.push_back(ids_[*piece]);
    } else {
      split(word, parts);
      merger.run(parts);
      for (const Part& part : parts) append(part, ids);
    }
    words.add(word, hash, first, ids);
  }
}

std::string PlainBpe::with_meta_spaces(std::string_view text) const {
  std::string spaced;
  if (text.empty()) return spaced;
  const auto spaces = static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) + 1;
  spaced.resize(text.size() + kMetaSpace.size() * spaces);
  char* out = spaced.data();
  if (add_dummy_prefix_) out = std::copy(kMetaSpace.begin(), kMetaSpace.end(), out);
  for (const char c : text) {
    if (c == ' ') {
      out = std::copy(kMetaSpace.begin(), kMetaSpace.end(), out);
    } else {
      *out++ = c;
    }
  }
  spaced.resize(static_cast<std::size_t>(out - spaced.data()));
  return spaced;
}

/// Where the next space follows another character.
std::size_t PlainBpe::word_end(std::string_view text, std::size_t begin) const {
  if (!cut_words_) return text.size();
  std::size_t at = begin;
  while (text.substr(at).starts_with(kMetaSpace)) at += kMetaSpace.size();
  return std::min(text.find(kMetaSpace, at), text.size());
}

/// Into characters.
void PlainBpe::split(std::string_view word, std::vector<Part>& parts) const {
  parts.clear();
  while (!word.empty()) {
    const Character character = first_character(word);
    const auto size = static_cast<std::uint32_t>(character.size);
    const std::uint32_t piece = character.code < characters_.size()
                                    ? characters_[character.code]
                                    : vocabulary_.find(word.substr(0, size)).value_or(kNoPiece);
    parts.push_back({&word.front(), size, piece});
    word.remove_prefix(size);
  }
}

void PlainBpe::append(const Part& part, std::vector<TokenId>& ids) const {
  if (part.piece != kNoPiece) {
    ids.push_back(ids_[part.piece]);
    return;
  }
  for (std::size_t i = 0; i < part.size; i++) {
    ids.push_back(byte_ids_[static_cast<unsigned char>(part.begin[i])]);
  }
}

}  // namespace tramontane
