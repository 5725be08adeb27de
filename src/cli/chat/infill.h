#pragma once
#include <string_view>
#include <vector>

#include "tramontane/tokenizer.h"

namespace tramontane::cli {

/// The prompt for what is missing between two texts, each of which may be empty. Throws Error when the
/// vocabulary has no control tokens for it, and as Tokenizer::encode_text.
std::vector<TokenId> encode_infill(std::string_view prefix, std::string_view suffix,
                                   const Tokenizer& tokenizer);

}  // namespace tramontane::cli
