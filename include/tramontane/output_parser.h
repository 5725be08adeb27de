#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tramontane/chat.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// What the answer grew by.
struct OutputDelta {
  enum class Kind { content, reasoning, tool_call };
  Kind kind = Kind::content;
  std::string text = {};  // of content and reasoning; valid UTF-8, not empty
  ToolCall call = {};     // of a tool call, whole
};

struct ParsedOutput {
  Message message = {.role = Role::assistant};
  int malformed = 0;  // calls and marks that are no call or not in their place, and so are in the content
};

struct OutputParserOptions {
  bool continues = false;     // the prompt ends in the middle of an answer, which this output goes on with
  bool in_reasoning = false;  // the prompt ends between [THINK] and [/THINK]
  std::uint64_t id_seed = 0;  // of the ids of calls that the model gave none
};

/// Turns the tokens that a model generates into a message, as they come: content, reasoning between [THINK]
/// and [/THINK], and tool calls in any of Mistral's forms,
///
///     [TOOL_CALLS][{"name": ..., "arguments": {...}, "id": ...}, ...]     v2, v3, v7
///     [TOOL_CALLS]name[CALL_ID]id[ARGS]{...}                              v11
///     [TOOL_CALLS]name[ARGS]{...}                                         v11, v13 and later
///
/// each of which may be repeated. Marks are the vocabulary's control tokens, never text that looks like them;
/// all other control tokens, such as the one that ends the answer, have no text.
///
/// Total: whatever the tokens are, they make a message. A call whose name is not 1 to 64 of A-Z a-z 0-9 _ -,
/// or whose arguments are not a JSON object, is content as it was written, its marks spelled out, and so is a
/// mark in a place where it means nothing; each counts as malformed. Arguments stay as the model wrote them.
/// An id that is not nine letters and digits is replaced by one derived from the seed.
///
/// Memory and time are linear in the text. Move-only, not thread-safe; keeps the tokenizer alive.
class OutputParser {
 public:
  /// Throws Error as Tokenizer::encode_text does, for a vocabulary that cannot encode a letter.
  explicit OutputParser(Tokenizer tokenizer, const OutputParserOptions& options = {});
  OutputParser(OutputParser&&) noexcept;
  OutputParser& operator=(OutputParser&&) noexcept;
  ~OutputParser();

  /// The deltas of content join to the text of the message's content, those of reasoning to that of its
  /// think parts; the calls are the message's. Throws Error for an id outside [0, vocab_size).
  std::vector<OutputDelta> push(TokenId id);

  /// What the end of the output makes certain, such as the last call. Nothing may be pushed after it.
  std::vector<OutputDelta> finish();

  /// So far; the final message after finish().
  const ParsedOutput& output() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tramontane
