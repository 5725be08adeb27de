// Any bytes as a tokenizer.model: loading refuses them with Error, or the tokenizer works, and streaming
// decodes as the whole does.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "check_message.h"
#include "core/utf8.h"
#include "tramontane/tokenizer.h"

namespace {

using tramontane::Error;
using tramontane::StreamDecoder;
using tramontane::TokenId;
using tramontane::Tokenizer;

void check_decoding(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  const std::string whole = tokenizer.decode(ids);
  StreamDecoder decoder(tokenizer);
  std::string joined;
  for (const TokenId id : ids) {
    const std::string text = decoder.push(id);
    if (tramontane::find_invalid_utf8(text) != std::string::npos) std::abort();
    joined += text;
  }
  if (joined + decoder.finish() != whole) std::abort();
}

/// A model may be one that the library cannot encode with: its control pieces may have the text of a
/// character.
void check_encoding(const Tokenizer& tokenizer, std::string_view text) {
  try {
    check_decoding(tokenizer, tokenizer.encode(text));
  } catch (const Error& error) {
    check_message(error);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const Tokenizer tokenizer = Tokenizer::from_bytes(bytes, "tokenizer.model");
    std::vector<TokenId> ids(static_cast<std::size_t>(tokenizer.vocab_size()));
    std::iota(ids.begin(), ids.end(), 0);
    check_decoding(tokenizer, ids);
    using namespace std::string_view_literals;
    check_encoding(tokenizer, "Once upon a  time, \0\t naïve ８ 😀 <s>aaaaaaaaaaaaaaaa "sv);
    const std::size_t tail = bytes.size() < 200 ? 0 : bytes.size() - 200;
    check_encoding(tokenizer, bytes.substr(tail));
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
