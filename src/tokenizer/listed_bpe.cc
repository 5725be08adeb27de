#include "tokenizer/listed_bpe.h"

#include <algorithm>
#include <utility>

#include "core/utf8.h"
#include "tokenizer/tokenizer_impl.h"

namespace tramontane {
namespace {

constexpr TokenId kNone = -1;

}  // namespace

ListedBpe::ListedBpe(BpeModel model, Unit unit) : model_(std::move(model)), unit_(unit) {
  const auto size = static_cast<TokenId>(model_.pieces.size());
  for (TokenId id = 0; id < size; id++) {
    const std::string& piece = model_.pieces[static_cast<std::size_t>(id)];
    if (piece.empty()) continue;
    vocabulary_.add(piece);
    ids_.push_back(id);
  }
  for (std::size_t byte = 0; byte < 256; byte++) {
    const char text = static_cast<char>(byte);
    const auto number = vocabulary_.find({&text, 1});
    ids_of_bytes_[byte] = number ? ids_[*number] : kNone;
  }
  // A space that were unknown could be fused with what is unknown before it.
  ends_at_words_ = !model_.ignore_merges && vocabulary_.find(kMetaSpace).has_value();
  for (std::size_t rank = 0; rank < model_.merges.size(); rank++) {
    const auto [left, right, merged] = model_.merges[rank];
    merges_.set(left, right, {static_cast<std::uint32_t>(rank), merged});
    if (has_inner_space(model_.pieces[static_cast<std::size_t>(merged)])) ends_at_words_ = false;
  }
  find_whole_words();
}

void ListedBpe::find_whole_words() {
  whole_.assign(vocabulary_.size(), model_.ignore_merges);
  if (model_.ignore_merges) return;
  Encoder encoder(*this, 0);
  for (std::uint32_t number = 0; number < vocabulary_.size(); number++) {
    encoder.merge(vocabulary_[number]);
    whole_[number] = encoder.parts_.size() == 1 && encoder.parts_[0] == ids_[number];
  }
}

void ListedBpe::Encoder::append(std::string_view word, std::vector<TokenId>& ids) {
  const std::uint64_t hash = hash_bytes(word);
  if (words_.append(word, hash, ids)) return;
  const std::size_t first = ids.size();
  if (const auto number = bpe_.vocabulary_.find(word, hash); number && bpe_.whole_[*number]) {
    ids.push_back(bpe_.ids_[*number]);
  } else {
    merge(word);
    ids.insert(ids.end(), parts_.begin(), parts_.end());
  }
  words_.add(word, hash, first, ids);
}

void ListedBpe::Encoder::merge(std::string_view word) {
  bpe_.split(word, parts_);
  merger_.run(parts_);
}

/// Into units. What is unknown is held back until the next unit that is known, so that neighbours can be
/// fused; bytes that stand for a character do not count as known, an oddity that files are trained with.
void ListedBpe::split(std::string_view word, std::vector<TokenId>& parts) const {
  parts.clear();
  bool unknown = false;
  while (!word.empty()) {
    const std::size_t size = unit_ == Unit::byte ? 1 : utf8_head(word).length;
    const std::string_view unit = word.substr(0, size);
    word.remove_prefix(size);
    if (const TokenId id = id_of(unit); id != kNone) {
      if (unknown) parts.push_back(model_.unk_id);
      unknown = false;
      parts.push_back(id);
    } else if (!add_bytes(unit, parts) && model_.unk_id != kNone) {
      if (unknown && !model_.fuse_unk) parts.push_back(model_.unk_id);
      unknown = true;
    }
  }
  if (unknown) parts.push_back(model_.unk_id);
}

TokenId ListedBpe::id_of(std::string_view unit) const {
  if (unit.size() == 1) return ids_of_bytes_[static_cast<unsigned char>(unit[0])];
  const auto number = vocabulary_.find(unit);
  return number ? ids_[*number] : kNone;
}

/// False, and nothing is added, unless there is a token for each byte.
bool ListedBpe::add_bytes(std::string_view character, std::vector<TokenId>& parts) const {
  if (!model_.byte_fallback) return false;
  const auto id = [&](char byte) { return model_.byte_ids[static_cast<unsigned char>(byte)]; };
  if (std::any_of(character.begin(), character.end(), [&](char byte) { return id(byte) == kNone; }))
    return false;
  for (const char byte : character) parts.push_back(id(byte));
  return true;
}

}  // namespace tramontane
