// Any bytes as the tokens of an answer: they make a message whose calls can be called, to which the deltas
// join, and which does not depend on how the text is cut.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/json_slices.h"
#include "chat/output_assembler.h"
#include "core/utf8.h"
#include "tokenizer/model_writer.h"

namespace {

using namespace tramontane;

/// Bytes 0 to 4 stand for the marks, 5 for another control token, 6 for a space as SentencePiece has it; the
/// others for themselves.
constexpr std::uint8_t kControl = 5;
constexpr std::uint8_t kSpace = 6;

Tokenizer make_tokenizer() {
  SentencePieceModel model;
  model.byte_fallback = true;
  model.add_dummy_prefix = true;
  const auto add = [&](std::string_view text, SentencePiece::Type type) {
    model.pieces.push_back({std::string(text), 0, type});
  };
  for (const std::string_view mark : kMarkNames) add(mark, SentencePiece::Type::control);
  add("</s>", SentencePiece::Type::control);
  add("\xe2\x96\x81", SentencePiece::Type::normal);
  add("<unk>", SentencePiece::Type::unknown);
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (std::size_t byte = 0; byte < 256; byte++) {
    add(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", SentencePiece::Type::byte);
  }
  return Tokenizer::from_bytes(write_sentencepiece_model(model), "fuzz.model");
}

TokenId token_of(std::uint8_t byte) { return byte <= kSpace ? byte : 8 + byte; }

using Texts = std::array<std::string, 3>;  // content, reasoning, calls

std::string to_text(const ToolCall& call) { return call.id + " " + call.name + " " + call.arguments + "\n"; }

Texts texts_of(const Message& message) {
  Texts texts;
  for (const ContentPart& part : message.content)
    texts[part.kind == ContentPart::Kind::think ? 1 : 0] += part.text;
  for (const ToolCall& call : message.tool_calls) texts[2] += to_text(call);
  return texts;
}

void join(const std::vector<OutputDelta>& deltas, Texts& texts) {
  for (const OutputDelta& delta : deltas) {
    const bool is_call = delta.kind == OutputDelta::Kind::tool_call;
    if (!is_call && delta.text.empty()) std::abort();
    if (find_invalid_utf8(delta.text) != std::string_view::npos) std::abort();
    texts[static_cast<std::size_t>(delta.kind)] += is_call ? to_text(delta.call) : delta.text;
  }
}

void check_message(const Message& message) {
  for (const ToolCall& call : message.tool_calls) {
    if (call.id.size() != 9 || call.name.empty() || call.name.size() > 64) std::abort();
    if (!is_json_object(call.arguments)) std::abort();
  }
}

/// The bytes between two marks at once, as text, when they are ASCII without the decoder's special cases.
Texts assemble_whole(std::string_view data) {
  OutputAssembler assembler({});
  std::string text;
  for (const char byte : data) {
    if (byte < kControl) {
      assembler.text(std::exchange(text, {}));
      assembler.mark(static_cast<Mark>(byte));
    } else if (byte != kControl) {
      text += byte;
    }
  }
  assembler.text(text);
  assembler.finish();
  return texts_of(assembler.output().message);
}

bool is_plain(std::string_view data) {
  for (const char byte : data) {
    if (byte < 0 || byte == kSpace) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Tokenizer tokenizer = make_tokenizer();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  OutputParser parser(tokenizer);
  Texts deltas;
  for (const char byte : bytes) join(parser.push(token_of(static_cast<std::uint8_t>(byte))), deltas);
  join(parser.finish(), deltas);
  const Message& message = parser.output().message;
  check_message(message);
  if (texts_of(message) != deltas) std::abort();
  if (is_plain(bytes) && assemble_whole(bytes) != deltas) std::abort();
  return 0;
}
