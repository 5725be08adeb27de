#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core/utf8.h"

namespace tramontane {
namespace {

constexpr std::array<std::string_view, 25> kWhiteSpace = {
    "\t",     "\n",     "\v",     "\f",     "\r",     " ",      "\u0085", "\u00a0", "\u1680",
    "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
    "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};

bool is_space(std::string_view character) {
  return std::find(kWhiteSpace.begin(), kWhiteSpace.end(), character) != kWhiteSpace.end();
}

std::string_view first_character(std::string_view text) { return text.substr(0, utf8_head(text).length); }

std::string_view last_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[text.size() - size]) & 0xc0U) == 0x80U)
    size++;
  return text.substr(text.size() - size);
}

/// The size of the white space that `text` ends with, and starts with.
std::size_t spaces_at_end(std::string_view text) {
  std::size_t size = 0;
  for (; !text.empty() && is_space(last_character(text)); text.remove_suffix(last_character(text).size())) {
    size += last_character(text).size();
  }
  return size;
}

std::size_t spaces_at_start(std::string_view text) {
  std::size_t size = 0;
  while (size < text.size() && is_space(first_character(text.substr(size)))) {
    size += first_character(text.substr(size)).size();
  }
  return size;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens)
    : tokens_(std::move(tokens)), word_(R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}])", "words") {
  std::set<std::string> seen;
  std::erase_if(tokens_, [&](const AddedToken& token) { return !seen.insert(token.content).second; });
  std::sort(tokens_.begin(), tokens_.end(),
            [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
  for (const AddedToken& token : tokens_) {
    starts_[static_cast<unsigned char>(token.content[0])] = true;
    all_special_ = all_special_ && token.special;
  }
}

void AddedTokens::for_each(std::string_view text, const Take& take) const {
  std::size_t done = 0;
  std::size_t spaces_end = 0;  // of the white space that an rstrip took last
  for (std::size_t at = 0; !all_special_ && at < text.size();) {
    const AddedToken* token =
        starts_[static_cast<unsigned char>(text[at])] ? longest_at(text.substr(at)) : nullptr;
    if (token == nullptr) {
      at++;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at += token->content.size();
    if (token->special) continue;
    if (token->single_word && !is_single_word(text.substr(0, begin), text.substr(end))) continue;
    // A token may start within the white space that the one before it took; it then has none left to take.
    if (token->lstrip && done < begin) begin -= spaces_at_end(text.substr(done, begin - done));
    if (token->rstrip) {
      // Once for each run of white space, of which every space may be a token.
      if (end > spaces_end) spaces_end = end + spaces_at_start(text.substr(end));
      end = spaces_end;
    }
    if (done < begin) take(text.substr(done, begin - done), -1);
    take(text.substr(begin, end - begin), token->id);
    done = end;
  }
  if (done < text.size()) take(text.substr(done), -1);
}

/// Of the tokens that `text` starts with; null: with none.
const AddedToken* AddedTokens::longest_at(std::string_view text) const {
  const AddedToken* longest = nullptr;
  auto first = tokens_.begin();
  auto last = tokens_.end();  // those between agree with the text so far
  for (std::size_t i = 0; i < text.size() && first != last; i++) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto byte_of = [i](const AddedToken& token) {
      return static_cast<unsigned char>(token.content[i]);
    };
    first = std::partition_point(first, last, [&](const AddedToken& token) { return byte_of(token) < byte; });
    last = std::partition_point(first, last, [&](const AddedToken& token) { return byte_of(token) == byte; });
    if (first != last && first->content.size() == i + 1) longest = &*first++;
  }
  return longest;
}

bool AddedTokens::is_single_word(std::string_view before, std::string_view after) const {
  return (before.empty() || !in_word(last_character(before))) &&
         (after.empty() || !in_word(first_character(after)));
}

bool AddedTokens::in_word(std::string_view character) const {
  bool found = false;
  word_.for_each(character, [&](std::string_view, bool is_match) { found = is_match; });
  return found;
}

}  // namespace tramontane
