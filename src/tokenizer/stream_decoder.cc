#include <utility>

#include "tokenizer/tokenizer_impl.h"

namespace tramontane {

StreamDecoder::StreamDecoder(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

std::string StreamDecoder::push(TokenId id) {
  tokenizer_.impl().check_id(id);
  return tokenizer_.impl().push(state_, id);
}

std::string StreamDecoder::finish() {
  const std::string text = tokenizer_.impl().finish(state_);
  state_ = State();
  return text;
}

}  // namespace tramontane
