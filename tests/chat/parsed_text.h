#pragma once
#include <string>
#include <vector>

#include "tramontane/output_parser.h"

// Messages written out, to compare them.
namespace tramontane {

inline std::string to_text(const ToolCall& call) {
  return "call(" + call.id + " " + call.name + " " + call.arguments + ")";
}

/// "think(a) text(b) call(id name arguments)"; "..." after reasoning that is not closed.
inline std::string to_text(const ParsedOutput& output) {
  std::vector<std::string> words;
  for (const ContentPart& part : output.message.content) {
    words.push_back((part.kind == ContentPart::Kind::think ? "think(" : "text(") + part.text + ")" +
                    (part.closed ? "" : "..."));
  }
  for (const ToolCall& call : output.message.tool_calls) words.push_back(to_text(call));
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

/// All content, all reasoning and all calls, each joined up.
inline std::vector<std::string> joined(const std::vector<OutputDelta>& deltas) {
  std::vector<std::string> texts(3);
  for (const OutputDelta& delta : deltas) {
    texts[static_cast<std::size_t>(delta.kind)] +=
        delta.kind == OutputDelta::Kind::tool_call ? to_text(delta.call) : delta.text;
  }
  return texts;
}

inline std::vector<std::string> joined(const Message& message) {
  std::vector<std::string> texts(3);
  for (const ContentPart& part : message.content) {
    texts[part.kind == ContentPart::Kind::think ? 1 : 0] += part.text;
  }
  for (const ToolCall& call : message.tool_calls) texts[2] += to_text(call);
  return texts;
}

}  // namespace tramontane
