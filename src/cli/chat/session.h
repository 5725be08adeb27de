#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "tramontane/chat.h"
#include "tramontane/engine.h"
#include "tramontane/generate.h"
#include "tramontane/output_parser.h"

namespace tramontane::cli {

/// One answer, and what it cost.
struct Answer {
  ParsedOutput output;
  GenerateResult generated;
};

/// A conversation with a model. The KV cache of the last prompt and answer stays, so that a turn computes
/// only what is new. Borrows the model. Not thread-safe.
class ChatSession {
 public:
  using Encode = std::function<std::vector<TokenId>(const Conversation&)>;

  /// `encode` makes the prompt; `options.max_tokens` bounds each answer.
  ChatSession(Model& model, Encode encode, GenerateOptions options);

  Conversation& conversation() { return conversation_; }
  const Conversation& conversation() const { return conversation_; }

  /// The instructions at the beginning, empty: none.
  std::string system_prompt() const;
  void set_system_prompt(const std::string& text);
  /// Forgets all messages but the system prompt.
  void reset();
  /// The turns, each a user's message with what follows it.
  int turns() const;
  /// Forgets the oldest `count` turns.
  void drop_oldest(int count);
  /// Forgets everything after the last message of the user; false if there is none.
  bool back_to_question();

  /// Tokens of the conversation as it would be sent now, with `message` of the user if there is one. Throws
  /// ChatError when the template refuses it.
  std::int64_t prompt_tokens() const;
  /// Most tokens of conversation and answer together; 0: no limit but memory.
  std::int64_t context() const { return engine_.context(); }

  /// Asks the model and appends its answer to the conversation, also an interrupted one if it has begun.
  /// `on_delta` returns false to stop. Throws ChatError, and Error as generate() does; the conversation is
  /// then as it was.
  Answer answer(const std::function<bool(const OutputDelta&)>& on_delta);

 private:
  Model& model_;
  Encode encode_;
  GenerateOptions options_;
  Engine engine_;
  Conversation conversation_;
  std::uint64_t answers_ = 0;  // each draws with a seed of its own
};

}  // namespace tramontane::cli
