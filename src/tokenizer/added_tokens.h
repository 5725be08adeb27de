#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pattern.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// A token of a tokenizer.json that is looked for in the text before anything else is done with it.
struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = false;      // never read from text
  bool single_word = false;  // only where no word goes on at either end
  bool lstrip = false;       // with the white space before it
  bool rstrip = false;       // and after it
  bool normalized = false;   // looked for in the normalised text
};

/// Finds added tokens in a text: the leftmost first, and the longest that starts there. Special ones are
/// found too, as they hide what overlaps them, and then are text. Immutable.
class AddedTokens {
 public:
  /// Contents are not empty; of equal ones the first counts.
  explicit AddedTokens(std::vector<AddedToken> tokens);

  /// Hands the parts of `text`, valid UTF-8, to `take` in their order: with the id of the token that the part
  /// is, or -1 for a part, never empty, of plain text.
  using Take = std::function<void(std::string_view part, TokenId id)>;
  void for_each(std::string_view text, const Take& take) const;

 private:
  const AddedToken* longest_at(std::string_view text) const;
  bool is_single_word(std::string_view before, std::string_view after) const;
  bool in_word(std::string_view character) const;

  std::vector<AddedToken> tokens_;  // sorted by content
  std::array<bool, 256> starts_{};  // whether one starts with the byte
  bool all_special_ = true;
  Pattern word_;  // a character that words are made of
};

}  // namespace tramontane
