#include "chat/normalize.h"

#include <limits>
#include <map>
#include <span>

#include "chat/json_value.h"

namespace tramontane {

namespace {

using Version = ChatTemplate::Version;

constexpr std::string_view kParagraph = "\n\n";

/// What Python's json writes for what it reads; text that is no JSON stays as it is.
std::string normalize_json(std::string_view text) {
  if (text.empty()) return "{}";
  const std::optional<JsonValue> value = read_json(text);
  return value ? write_json(*value) : std::string(text);
}

/// The content of several messages as one: texts that meet are joined, by `chunk_join` inside a message and
/// by an empty line between messages.
std::vector<ContentPart> merge_content(std::span<const Message> messages, std::string_view chunk_join) {
  std::vector<ContentPart> merged;
  std::string text;
  const auto flush = [&] {
    if (!text.empty()) merged.push_back({.text = std::move(text)});
    text.clear();
  };
  for (const Message& message : messages) {
    bool starts = true;
    for (const ContentPart& part : message.content) {
      if (part.kind == ContentPart::Kind::think) {
        flush();
        merged.push_back(part);
      } else if (!part.text.empty()) {
        if (!text.empty()) text += starts ? kParagraph : chunk_join;
        text += part.text;
        starts = false;
      }
    }
  }
  flush();
  return merged;
}

class Normalizer {
 public:
  explicit Normalizer(Version version) : version_(version) {}

  NormalizedRequest run(const std::vector<Message>& messages) {
    if (version_ < Version::v7) merge_system_prompts(messages);
    for (std::size_t start = 0; start < messages.size();) {
      std::size_t end = start + 1;
      while (end < messages.size() && messages[end].role == messages[start].role) end++;
      add_group(std::span(messages).subspan(start, end - start));
      start = end;
    }
    auto& out = request_.messages;
    if (out.empty() || (version_ < Version::v7 && out.front().role != Role::user))
      out.insert(out.begin(), Message{});
    return std::move(request_);
  }

 private:
  void merge_system_prompts(const std::vector<Message>& messages) {
    for (const Message& message : messages) {
      if (message.role != Role::system || message.content.empty()) continue;
      const std::vector<ContentPart> content = merge_content(std::span(&message, 1), kParagraph);
      if (request_.system_prompt) *request_.system_prompt += kParagraph;
      if (!request_.system_prompt) request_.system_prompt.emplace();
      if (!content.empty()) *request_.system_prompt += content[0].text;
    }
  }

  void add_group(std::span<const Message> group) {
    switch (group[0].role) {
      case Role::system:
        for (const Message& message : group) {
          if (version_ >= Version::v7) {
            request_.messages.push_back({.role = Role::system, .content = merge(std::span(&message, 1))});
          }
        }
        break;
      case Role::user:
        request_.messages.push_back({.role = Role::user, .content = merge(group)});
        break;
      case Role::assistant:
        add_assistant(group);
        break;
      case Role::tool:
        add_results(group);
        break;
    }
  }

  void add_assistant(std::span<const Message> group) {
    Message merged{.role = Role::assistant, .content = merge(group)};
    for (const Message& message : group) {
      merged.prefix = merged.prefix || message.prefix;
      for (const ToolCall& call : message.tool_calls) {
        merged.tool_calls.push_back(
            {.id = call.id, .name = call.name, .arguments = normalize_json(call.arguments)});
        call_ids_.push_back(call.id);
      }
    }
    request_.messages.push_back(std::move(merged));
  }

  /// From version 11 on, in the order of the calls since the last results; those of no call come last.
  void add_results(std::span<const Message> group) {
    std::map<std::string_view, std::size_t> places;
    for (std::size_t i = 0; i < call_ids_.size(); i++) places[call_ids_[i]] = i;
    std::multimap<std::size_t, Message> results;
    for (const Message& message : group) {
      Message result = message;
      result.content = merge(std::span(&message, 1));
      if (version_ < Version::v7) result.content = {{.text = normalize_json(text_of(result))}};
      const auto place = places.find(message.tool_call_id.value_or(""));
      const bool known = version_ >= Version::v11 && place != places.end();
      results.emplace(known ? place->second : std::numeric_limits<std::size_t>::max(), std::move(result));
    }
    call_ids_.clear();
    for (auto& [place, result] : results) request_.messages.push_back(std::move(result));
  }

  std::vector<ContentPart> merge(std::span<const Message> messages) const {
    return merge_content(messages, version_ >= Version::v15 ? "" : kParagraph);
  }

  Version version_;
  NormalizedRequest request_;
  std::vector<std::string> call_ids_;  // of the calls since the last results
};

}  // namespace

NormalizedRequest normalize(const Conversation& conversation, Version version) {
  return Normalizer(version).run(conversation.messages);
}

}  // namespace tramontane
