#include <gtest/gtest.h>

#include "chat/support.h"

namespace tramontane {
namespace {

std::string refusal(std::string_view json) {
  return refusal_of([&] { read_conversation(json); });
}

TEST(ChatJson, ReadsAListOfMessages) {
  const Conversation read = read_conversation(
      R"([{"role": "developer", "content": ""}, {"role": "user", "content": [{"type": "text", "text": ""}]}])");
  ASSERT_EQ(read.messages.size(), 2U);
  EXPECT_EQ(read.messages[0].role, Role::system);
  EXPECT_TRUE(read.messages[0].content.empty());
  EXPECT_EQ(read.messages[1].content.size(), 1U);  // a part, even of no text, is content
}

TEST(ChatJson, ReadsToolsCallsResultsAndSettings) {
  const Conversation read = read_conversation(R"({
    "temperature": 7,
    "messages": [
      {"role": "assistant", "content": null, "tool_calls": [
        {"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": {"x": 1e2}}},
        {"function": {"name": "g", "arguments": null}}]},
      {"role": "tool", "tool_call_id": "abcdefghi", "name": "f", "content": "1"},
      {"role": "assistant", "content": "so", "reasoning": "hm"}],
    "tools": [{"type": "function", "function": {"name": "f", "description": null, "strict": true,
                                                "parameters": {"type": "object"}}}],
    "reasoning_effort": "high", "response_format": {"type": "json_object"}, "continue_final_message": true})");
  const Message& calls = read.messages.at(0);
  EXPECT_EQ(calls.tool_calls.at(0).arguments, R"({"x": 100.0})");
  EXPECT_EQ(calls.tool_calls.at(1).id, "null");
  EXPECT_EQ(calls.tool_calls.at(1).arguments, "{}");
  EXPECT_EQ(read.messages.at(1).tool_call_id, "abcdefghi");
  EXPECT_EQ(read.messages.at(1).name, "f");
  const Message& last = read.messages.at(2);
  EXPECT_TRUE(last.prefix);
  ASSERT_EQ(last.content.size(), 2U);
  EXPECT_EQ(last.content[0].kind, ContentPart::Kind::think);
  EXPECT_EQ(last.content[0].text, "hm");
  EXPECT_EQ(read.tools.at(0).parameters, R"({"type": "object"})");
  EXPECT_EQ(read.reasoning_effort, "high");
  EXPECT_EQ(read.json_schema, R"({"anyOf": [{"type": "object"}, {"type": "array"}]})");
}

TEST(ChatJson, RefusesOtherMediaByName) {
  for (const char* type : {"image", "image_url", "input_audio", "audio_url"}) {
    const std::string json =
        R"([{"role": "user", "content": [{"type": ")" + std::string(type) + R"(", "image_url": "x"}]}])";
    EXPECT_EQ(refusal(json), "unsupported: messages[0].content[0]: expected text, found a part of type '" +
                                 std::string(type) + "': the model reads only text");
  }
}

TEST(ChatJson, ErrorsSayWhereAndWhat) {
  EXPECT_EQ(refusal("{"), "format: expected a conversation as JSON, found a syntax error");
  EXPECT_EQ(refusal("3"), "format: the conversation: expected an object or a list of messages, found '3'");
  EXPECT_EQ(refusal("{}"), "format: the conversation.messages: expected a value, found nothing");
  EXPECT_EQ(refusal(R"([{"role": "robot"}])"),
            "format: messages[0].role: expected 'system', 'user', 'assistant' or 'tool', found 'robot'");
  EXPECT_EQ(refusal(R"([{"role": "user"}])"), "format: messages[0].content: expected a value, found nothing");
  EXPECT_EQ(refusal(R"([{"role": "user", "content": [{"type": "text", "text": 3}]}])"),
            "format: messages[0].content[0].text: expected a string, found '3'");
  EXPECT_EQ(refusal(R"({"messages": [], "tools": [{"function": {"name": "f", "parameters": []}}]})"),
            "format: tools[0].function.parameters: expected an object, found an array");
  EXPECT_EQ(refusal(R"({"messages": [], "continue_final_message": true})"),
            "structure: continue_final_message: expected a last message of the assistant");
  EXPECT_EQ(
      refusal(R"({"messages": [], "reasoning_effort": "vast"})"),
      "format: reasoning_effort: expected 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' or 'max', "
      "found 'vast'");
}

}  // namespace
}  // namespace tramontane
