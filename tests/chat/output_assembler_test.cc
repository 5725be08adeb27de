#include "chat/output_assembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <random>

#include "chat/parsed_text.h"

namespace tramontane {
namespace {

/// What the marks of an answer, spelled out in `answer`, and the text between them make.
ParsedOutput assemble(std::string_view answer, const OutputParserOptions& options = {}) {
  OutputAssembler assembler(options);
  while (!answer.empty()) {
    std::size_t next = answer.size();
    for (std::size_t i = 0; i < kMarkNames.size(); i++) {
      if (answer.starts_with(kMarkNames[i])) {
        assembler.mark(static_cast<Mark>(i));
        answer.remove_prefix(kMarkNames[i].size());
        next = 0;
        break;
      }
      next = std::min(next, answer.find(kMarkNames[i]));
    }
    assembler.text(answer.substr(0, next));
    answer.remove_prefix(next);
  }
  assembler.finish();
  return assembler.output();
}

std::string parsed(std::string_view answer) { return to_text(assemble(answer)); }

/// The one call that `answer` is expected to be.
ToolCall call_of(std::string_view answer) {
  const ParsedOutput output = assemble(answer);
  EXPECT_EQ(output.malformed, 0) << answer;
  EXPECT_EQ(output.message.tool_calls.size(), 1U) << answer;
  return output.message.tool_calls.empty() ? ToolCall{} : output.message.tool_calls[0];
}

TEST(OutputAssembler, TextIsContent) {
  EXPECT_EQ(parsed("Hello."), "text(Hello.)");
  EXPECT_EQ(parsed(""), "");
  EXPECT_EQ(assemble("Hello.").message.role, Role::assistant);
}

TEST(OutputAssembler, ReasoningIsApart) {
  EXPECT_EQ(parsed("[THINK]Hm.[/THINK]Yes."), "think(Hm.) text(Yes.)");
  EXPECT_EQ(parsed("So: [THINK]Hm.[/THINK][THINK][/THINK]Yes."), "text(So: ) think(Hm.) think() text(Yes.)");
  EXPECT_EQ(parsed("[THINK]Hm."), "think(Hm.)...");
  EXPECT_EQ(to_text(assemble("Hm.[/THINK]Yes.", {.in_reasoning = true})), "think(Hm.) text(Yes.)");
  EXPECT_EQ(to_text(assemble("", {.in_reasoning = true})), "think()...");
}

TEST(OutputAssembler, ReadsEveryFormOfCalls) {
  for (const char* answer : {R"([TOOL_CALLS][{"name": "f", "arguments": {"a": 1.0}, "id": "abcDEF123"}])",
                             R"([TOOL_CALLS] [{"id":"abcDEF123","arguments": {"a": 1.0} ,"name":"f"}]
)",
                             R"([TOOL_CALLS]f[CALL_ID]abcDEF123[ARGS]{"a": 1.0})",
                             R"([TOOL_CALLS] f [CALL_ID]abcDEF123 [ARGS] {"a": 1.0}
)"}) {
    const ToolCall call = call_of(answer);
    EXPECT_EQ(call.id, "abcDEF123") << answer;
    EXPECT_EQ(call.name, "f") << answer;
    EXPECT_EQ(call.arguments, R"({"a": 1.0})") << answer;
  }
  EXPECT_EQ(call_of("[TOOL_CALLS]f-2_[ARGS]{}").name, "f-2_");
}

TEST(OutputAssembler, CallsMayBeSeveralAndFollowText) {
  const ParsedOutput listed = assemble(
      R"([TOOL_CALLS][{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}][TOOL_CALLS][{"name": "h", "arguments": {}}])");
  const ParsedOutput named = assemble("[TOOL_CALLS]f[ARGS]{}[TOOL_CALLS]g[ARGS]{}[TOOL_CALLS]h[ARGS]{}");
  for (const ParsedOutput& output : {listed, named}) {
    EXPECT_EQ(output.malformed, 0);
    ASSERT_EQ(output.message.tool_calls.size(), 3U);
    EXPECT_EQ(output.message.tool_calls[0].name, "f");
    EXPECT_EQ(output.message.tool_calls[1].name, "g");
    EXPECT_EQ(output.message.tool_calls[2].name, "h");
  }
  EXPECT_EQ(to_text(listed), to_text(named));
  EXPECT_EQ(parsed("[THINK]a[TOOL_CALLS]f[CALL_ID]000000001[ARGS]{}[THINK]b[/THINK]c"),
            "think(a)... think(b) text(c) call(000000001 f {})");
}

TEST(OutputAssembler, IdsAreNineLettersAndDigitsFromTheSeed) {
  const std::string answer =
      R"([TOOL_CALLS]f[ARGS]{}[TOOL_CALLS]f[CALL_ID]call_1[ARGS]{}[TOOL_CALLS][{"name": "f", "arguments": {}, "id": null}])";
  const auto calls = assemble(answer).message.tool_calls;
  ASSERT_EQ(calls.size(), 3U);
  for (const ToolCall& call : calls) {
    EXPECT_EQ(call.id.size(), 9U);
    for (const char c : call.id) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c))) << call.id;
  }
  EXPECT_NE(calls[0].id, calls[1].id);
  EXPECT_NE(calls[1].id, calls[2].id);
  EXPECT_EQ(to_text(assemble(answer)), to_text(assemble(answer)));
  EXPECT_NE(to_text(assemble(answer)), to_text(assemble(answer, {.id_seed = 1})));
}

TEST(OutputAssembler, MalformedCallsAreContentAsWritten) {
  for (const char* answer : {"[TOOL_CALLS]",
                             "[TOOL_CALLS]f",
                             "[TOOL_CALLS]f[ARGS]",
                             "[TOOL_CALLS]f[ARGS]{",
                             "[TOOL_CALLS]f[ARGS]{} x",
                             "[TOOL_CALLS]f[ARGS][]",
                             "[TOOL_CALLS]f[ARGS]\"x\"",
                             "[TOOL_CALLS][ARGS]{}",
                             "[TOOL_CALLS]two words[ARGS]{}",
                             "[TOOL_CALLS]f[CALL_ID]abcDEF123",
                             "[TOOL_CALLS]f[ARGS]{}[CALL_ID]abcDEF123",
                             "[TOOL_CALLS]f[ARGS]{}[ARGS]{}",
                             "[TOOL_CALLS]f[CALL_ID]a[CALL_ID]b[ARGS]{}",
                             "[TOOL_CALLS][]",
                             "[TOOL_CALLS]{}",
                             "[TOOL_CALLS][1]",
                             R"([TOOL_CALLS][{"name": "f"}])",
                             R"([TOOL_CALLS][{"arguments": {}}])",
                             R"([TOOL_CALLS][{"name": 1, "arguments": {}}])",
                             R"([TOOL_CALLS][{"name": "f", "arguments": "{}"}])",
                             R"([TOOL_CALLS][{"name": "f", "arguments": {}}, 2])",
                             R"([TOOL_CALLS][{"name": "f", "arguments": {}}] Done.)",
                             R"([TOOL_CALLS][{"name": "f", "argu)"}) {
    const ParsedOutput output = assemble(answer);
    EXPECT_EQ(output.malformed, 1) << answer;
    EXPECT_EQ(to_text(output), "text(" + std::string(answer) + ")");
  }
  const std::string longest(64, 'x');
  EXPECT_EQ(call_of("[TOOL_CALLS]" + longest + "[ARGS]{}").name, longest);
  EXPECT_EQ(assemble("[TOOL_CALLS]" + longest + "x[ARGS]{}").malformed, 1);
}

TEST(OutputAssembler, AMalformedCallLeavesTheOthersAlone) {
  const ParsedOutput output = assemble("a[TOOL_CALLS]f[ARGS]{[TOOL_CALLS]g[CALL_ID]000000001[ARGS]{}");
  EXPECT_EQ(output.malformed, 1);
  EXPECT_EQ(to_text(output), "text(a[TOOL_CALLS]f[ARGS]{) call(000000001 g {})");
}

TEST(OutputAssembler, MarksOutOfPlaceAreSpelledOut) {
  const ParsedOutput output = assemble("a[/THINK]b[ARGS][CALL_ID][THINK]c[THINK]d[ARGS]e[/THINK]f");
  EXPECT_EQ(output.malformed, 5);
  EXPECT_EQ(to_text(output), "text(a[/THINK]b[ARGS][CALL_ID]) think(c[THINK]d[ARGS]e) text(f)");
  EXPECT_EQ(parsed("[TOOL_CALLS]f[CALL_ID]000000001[ARGS]{}[/THINK]x"),
            "text([/THINK]x) call(000000001 f {})");
}

TEST(OutputAssembler, CuttingTheTextMakesNoDifferenceAndDeltasJoin) {
  std::mt19937 random(5);
  const std::vector<std::string> texts = {
      "f", "{}", " ", "{\"a\": \"é\"}", "[]", "x y", R"([{"name": "f", "arguments": {"b": [1]}}])"};
  for (int round = 0; round < 3000; round++) {
    OutputAssembler whole({});
    OutputAssembler cut({});
    std::vector<OutputDelta> deltas;
    const auto drain = [&] {
      for (OutputDelta& delta : cut.take_deltas()) deltas.push_back(std::move(delta));
    };
    for (std::size_t steps = random() % 12; steps > 0; steps--) {
      if (random() % 2 == 0) {
        const Mark mark = static_cast<Mark>(random() % kMarkNames.size());
        whole.mark(mark);
        cut.mark(mark);
      } else {
        const std::string& text = texts[random() % texts.size()];
        whole.text(text);
        const std::size_t at = random() % (text.size() + 1);
        cut.text(text.substr(0, at));
        drain();
        cut.text(text.substr(at));
      }
      drain();
    }
    whole.finish();
    cut.finish();
    drain();
    ASSERT_EQ(to_text(cut.output()), to_text(whole.output()));
    ASSERT_EQ(joined(deltas), joined(whole.output().message));
  }
}

}  // namespace
}  // namespace tramontane
