#pragma once
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

/// Traps unless streaming decodes as the whole does, and every part of it is UTF-8.
inline std::string check_decoding(const tramontane::Tokenizer& tokenizer,
                                  const std::vector<tramontane::TokenId>& ids) {
  std::string whole = tokenizer.decode(ids);
  tramontane::StreamDecoder decoder(tokenizer);
  std::string joined;
  for (const tramontane::TokenId id : ids) {
    const std::string text = decoder.push(id);
    if (tramontane::find_invalid_utf8(text) != std::string::npos) std::abort();
    joined += text;
  }
  if (joined + decoder.finish() != whole) std::abort();
  return whole;
}

/// Loads `bytes` as the file `name` and, if that is not refused, encodes and decodes with it.
inline void check_tokenizer(std::string_view bytes, std::string_view name, bool texts_come_back) {
  using namespace std::string_view_literals;
  try {
    const auto tokenizer = tramontane::Tokenizer::from_bytes(bytes, name);
    std::vector<tramontane::TokenId> ids(static_cast<std::size_t>(tokenizer.vocab_size()));
    std::iota(ids.begin(), ids.end(), 0);
    check_decoding(tokenizer, ids);
    for (const std::string_view text :
         {"Once upon a  time, \0\t naïve ８ 😀 <s>aaaaaaaaaaaaaaaa "sv, "\r\n\r\n  x\u180e\u1c89 aaa...b"sv,
          bytes.substr(bytes.size() / 2, 200)}) {
      if (tramontane::find_invalid_utf8(text) != std::string::npos) continue;
      const std::string decoded = check_decoding(tokenizer, tokenizer.encode_text(text));
      if (texts_come_back && decoded != text) std::abort();
    }
  } catch (const tramontane::Error& error) {
    check_message(error);
  }
}
