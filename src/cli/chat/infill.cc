#include "cli/chat/infill.h"

#include "core/fail.h"
#include "tramontane/chat.h"

namespace tramontane::cli {

std::vector<TokenId> encode_infill(std::string_view prefix, std::string_view suffix,
                                   const Tokenizer& tokenizer) {
  if (tokenizer.control_id("[SUFFIX]") < 0 || tokenizer.control_id("[PREFIX]") < 0) {
    fail("suffix: expected a model that fills in, whose vocabulary has [SUFFIX] and [PREFIX], found another");
  }
  // All versions that have these tokens put them alike, and a vocabulary's version may be unknown.
  return ChatTemplate(ChatTemplate::Version::v3).encode_infill(prefix, suffix, tokenizer);
}

}  // namespace tramontane::cli
