#include "cli/chat/session.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tramontane::cli {
namespace {

bool of_user(const Message& message) { return message.role == Role::user; }

bool has_something(const Message& message) { return !message.content.empty() || !message.tool_calls.empty(); }

EngineOptions keeping_the_last(EngineOptions options) {
  options.kept_sequences = 1;
  return options;
}

}  // namespace

ChatSession::ChatSession(Model& model, Encode encode, GenerateOptions options)
    : model_(model),
      encode_(std::move(encode)),
      options_(std::move(options)),
      engine_(model, keeping_the_last(options_.engine)) {}

std::string ChatSession::system_prompt() const {
  const auto& messages = conversation_.messages;
  if (messages.empty() || messages.front().role != Role::system) return {};
  std::string text;
  for (const ContentPart& part : messages.front().content) text += part.text;
  return text;
}

void ChatSession::set_system_prompt(const std::string& text) {
  auto& messages = conversation_.messages;
  if (!messages.empty() && messages.front().role == Role::system) messages.erase(messages.begin());
  if (text.empty()) return;
  messages.insert(messages.begin(), {.role = Role::system, .content = {{.text = text}}});
}

void ChatSession::reset() {
  const std::string system = system_prompt();
  conversation_.messages.clear();
  set_system_prompt(system);
}

int ChatSession::turns() const {
  return static_cast<int>(
      std::count_if(conversation_.messages.begin(), conversation_.messages.end(), of_user));
}

void ChatSession::drop_oldest(int count) {
  auto& messages = conversation_.messages;
  const auto first = std::find_if(messages.begin(), messages.end(), of_user);
  auto end = first;
  for (; count > 0 && end != messages.end(); count--)
    end = std::find_if(std::next(end), messages.end(), of_user);
  messages.erase(first, end);
}

bool ChatSession::back_to_question() {
  auto& messages = conversation_.messages;
  const auto last = std::find_if(messages.rbegin(), messages.rend(), of_user);
  if (last == messages.rend()) return false;
  messages.erase(last.base(), messages.end());
  return true;
}

std::int64_t ChatSession::prompt_tokens() const {
  return static_cast<std::int64_t>(encode_(conversation_).size());
}

Answer ChatSession::answer(const std::function<bool(const OutputDelta&)>& on_delta) {
  const std::vector<TokenId> prompt = encode_(conversation_);
  OutputParser parser(model_.tokenizer(), {.id_seed = answers_});
  GenerateOptions options = options_;
  options.sampling.seed += answers_++;
  const auto show = [&](const std::vector<OutputDelta>& deltas) {
    return std::all_of(deltas.begin(), deltas.end(), on_delta);
  };
  GenerateCallbacks callbacks;
  callbacks.on_token = [&](TokenId token, std::string_view) { return show(parser.push(token)); };

  Answer answer;
  answer.generated = generate(engine_, prompt, options, callbacks);
  show(parser.finish());
  answer.output = parser.output();
  if (has_something(answer.output.message)) conversation_.messages.push_back(answer.output.message);
  return answer;
}

}  // namespace tramontane::cli
