#include <cstdint>

#include "check_message.h"
#include "core/utf8.h"
#include "tramontane/chat.h"

/// Any bytes as a conversation, for every template: a ChatError, or BOS and other pieces, whose texts are
/// UTF-8.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tramontane;
  try {
    const Conversation conversation = read_conversation({reinterpret_cast<const char*>(data), size});
    const SettingsRules rules{
        .reasoning_efforts = {"none", "high"}, .default_effort = "none", .json_schema = true};
    for (const std::string_view name : ChatTemplate::kNames) {
      try {
        const ChatTemplate chat(ChatTemplate::named(name).version(), rules);
        const std::vector<PromptPiece> pieces = chat.pieces(conversation);
        if (pieces.empty() || pieces[0] != PromptPiece{PromptPiece::Kind::control, "<s>"}) __builtin_trap();
        for (const PromptPiece& piece : pieces) {
          if (piece.text.empty() || find_invalid_utf8(piece.text) != std::string_view::npos) __builtin_trap();
        }
      } catch (const ChatError& error) {
        check_message(error);
      }
    }
  } catch (const ChatError& error) {
    check_message(error);
  }
  return 0;
}
