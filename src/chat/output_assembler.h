#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tramontane/output_parser.h"

namespace tramontane {

/// The control tokens that structure an answer.
enum class Mark { tool_calls, call_id, args, think, end_think };
constexpr std::array<std::string_view, 5> kMarkNames = {"[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", "[THINK]",
                                                        "[/THINK]"};
constexpr std::string_view spelling(Mark mark) { return kMarkNames[static_cast<std::size_t>(mark)]; }

/// Text and marks to a message: OutputParser without the tokens. How the text is cut into pieces makes no
/// difference to the message.
class OutputAssembler {
 public:
  explicit OutputAssembler(const OutputParserOptions& options);

  void text(std::string_view text);
  void mark(Mark mark);
  void finish();

  /// What was added since the last call.
  std::vector<OutputDelta> take_deltas();
  const ParsedOutput& output() const { return output_; }

 private:
  enum class State { content, reasoning, call };

  /// A call that is not known to be whole.
  struct Call {
    enum Field { name, id, arguments };  // or the list of calls in the place of the name
    std::array<std::string, 3> fields = {};
    Field field = name;        // where text goes
    std::string written = {};  // all of it, marks spelled out
    bool in_order = true;      // its marks
  };

  void add(ContentPart::Kind kind, std::string_view text);
  void open_reasoning();
  void misplaced(Mark mark);
  void mark_in_call(Mark mark);
  void finish_call();
  std::vector<ToolCall> read_call() const;
  std::string next_id();

  State state_ = State::content;
  bool new_part_ = true;  // text does not go on with the last part
  std::uint64_t random_;
  Call call_;
  ParsedOutput output_;
  std::vector<OutputDelta> deltas_;
};

}  // namespace tramontane
