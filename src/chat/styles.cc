#include "chat/styles.h"

#include <array>

#include "core/fail.h"

namespace tramontane {
namespace {

using Family = ChatStyle::Family;
using Kind = ChatSegment::Kind;

std::string_view name_of(Family family) {
  constexpr std::array<std::string_view, 4> kNames = {"llama2", "llama3", "chatml", "zephyr"};
  return kNames[static_cast<std::size_t>(family)];
}

/// As the templates name them.
std::string_view name_of(Role role) {
  constexpr std::array<std::string_view, 4> kNames = {"system", "user", "assistant", "tool"};
  return kNames[static_cast<std::size_t>(role)];
}

/// Without what Python's str.strip() takes off.
std::string_view stripped(std::string_view text) {
  constexpr std::array<std::string_view, 29> kSpaces = {
      "\t",           "\n",           "\v",           "\f",           "\r",
      "\x1c",         "\x1d",         "\x1e",         "\x1f",         " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
      "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
      "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) {
        text.remove_prefix(space.size());
        again = true;
      } else if (text.ends_with(space)) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

std::string text_of(const ChatStyle& style, const Message& message) {
  const std::string_view name = name_of(style.family);
  if (message.role == Role::tool || !message.tool_calls.empty()) {
    fail("messages: expected no tools with chat template {}, found a {}", name,
         message.role == Role::tool ? "tool's result" : "tool call");
  }
  std::string text;
  for (const ContentPart& part : message.content) {
    if (part.kind != ContentPart::Kind::text) {
      fail("messages: expected no reasoning with chat template {}, found some", name);
    }
    text += part.text;
  }
  return text;
}

/// Segments in the making; neighbouring texts are one.
class Segments {
 public:
  Segments& text(std::string_view text) {
    if (text.empty()) return *this;
    if (all_.empty() || all_.back().kind != Kind::text) all_.push_back({});
    all_.back().text += text;
    return *this;
  }
  Segments& control(std::string_view name) {
    all_.push_back({Kind::control, std::string(name)});
    return *this;
  }
  Segments& token(Kind kind) {
    all_.push_back({kind});
    return *this;
  }
  std::vector<ChatSegment> take() { return std::move(all_); }

 private:
  std::vector<ChatSegment> all_;
};

bool is_prefix(std::span<const Message> messages, std::size_t i) {
  return messages[i].prefix && i + 1 == messages.size();
}

/// The system prompt is in the first user message; BOS and EOS are around every exchange.
void render_llama2(const ChatStyle& style, std::span<const Message> messages, Segments& out) {
  std::string system;
  const std::size_t first = messages[0].role == Role::system ? 1 : 0;
  if (first == 1) system = "<<SYS>>\n" + text_of(style, messages[0]) + "\n<</SYS>>\n\n";
  for (std::size_t i = first; i < messages.size(); i++) {
    const Role expected = (i - first) % 2 == 0 ? Role::user : Role::assistant;
    if (messages[i].role != expected) {
      fail("messages: expected message {} to be of role {} with chat template llama2, found {}", i,
           name_of(expected), name_of(messages[i].role));
    }
    std::string content = text_of(style, messages[i]);
    if (expected == Role::user) {
      if (i == first) content.insert(0, system);
      out.token(Kind::bos).text("[INST] ").text(stripped(content)).text(" [/INST]");
    } else {
      out.text(" ").text(stripped(content));
      if (!is_prefix(messages, i)) out.text(" ").token(Kind::eos);
    }
  }
}

void render_llama3(const ChatStyle& style, std::span<const Message> messages, Segments& out) {
  const auto head = [&](std::string_view role) {
    out.control("<|start_header_id|>").text(role).control("<|end_header_id|>").text("\n\n");
  };
  out.token(Kind::bos);
  for (std::size_t i = 0; i < messages.size(); i++) {
    head(name_of(messages[i].role));
    out.text(stripped(text_of(style, messages[i])));
    if (is_prefix(messages, i)) return;
    out.control("<|eot_id|>");
  }
  head("assistant");
}

void render_chatml(const ChatStyle& style, std::span<const Message> messages, Segments& out) {
  const auto head = [&](std::string_view role) { out.control("<|im_start|>").text(role).text("\n"); };
  if (style.bos) out.token(Kind::bos);
  if (!style.default_system.empty() && messages[0].role != Role::system) {
    head("system");
    out.text(style.default_system).control("<|im_end|>").text("\n");
  }
  for (std::size_t i = 0; i < messages.size(); i++) {
    head(name_of(messages[i].role));
    out.text(text_of(style, messages[i]));
    if (is_prefix(messages, i)) return;
    out.control("<|im_end|>").text("\n");
  }
  head("assistant");
}

/// The roles' marks are text, unless the vocabulary has them.
void render_zephyr(const ChatStyle& style, std::span<const Message> messages, Segments& out) {
  for (std::size_t i = 0; i < messages.size(); i++) {
    out.control("<|" + std::string(name_of(messages[i].role)) + "|>").text("\n");
    out.text(text_of(style, messages[i]));
    if (is_prefix(messages, i)) return;
    out.token(Kind::eos).text("\n");
  }
  out.control("<|assistant|>").text("\n");
}

}  // namespace

std::vector<ChatSegment> render(const ChatStyle& style, std::span<const Message> messages) {
  if (messages.empty()) fail("messages: expected at least one, found none");
  Segments out;
  switch (style.family) {
    case Family::llama2:
      render_llama2(style, messages, out);
      break;
    case Family::llama3:
      render_llama3(style, messages, out);
      break;
    case Family::chatml:
      render_chatml(style, messages, out);
      break;
    case Family::zephyr:
      render_zephyr(style, messages, out);
      break;
  }
  return out.take();
}

std::optional<ChatStyle> style_of_name(std::string_view name) {
  for (const Family family : {Family::llama2, Family::llama3, Family::chatml, Family::zephyr}) {
    if (name == name_of(family)) return ChatStyle{family};
  }
  return std::nullopt;
}

std::vector<TokenId> encode(const Tokenizer& tokenizer, std::span<const ChatSegment> segments) {
  std::vector<TokenId> ids;
  std::string text;  // not yet encoded
  const auto flush = [&] {
    const std::vector<TokenId> more = tokenizer.encode_text(text);
    ids.insert(ids.end(), more.begin(), more.end());
    text.clear();
  };
  for (const ChatSegment& segment : segments) {
    TokenId id = -1;
    if (segment.kind == Kind::control) id = tokenizer.control_id(segment.text);
    if (segment.kind == Kind::bos) id = tokenizer.bos_id();
    if (segment.kind == Kind::eos) id = tokenizer.eos_id();
    if (id < 0) {
      text += segment.text;
      continue;
    }
    flush();
    ids.push_back(id);
  }
  flush();
  return ids;
}

}  // namespace tramontane
