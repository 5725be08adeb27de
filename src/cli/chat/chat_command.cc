#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/chat/chat_json.h"
#include "cli/chat/commands.h"
#include "cli/chat/line_reader.h"
#include "cli/chat/prompt_format.h"
#include "cli/chat/screen.h"
#include "cli/chat/session.h"
#include "cli/commands.h"
#include "cli/json_line.h"
#include "cli/model_options.h"
#include "cli/sampling_options.h"
#include "cli/terminal.h"
#include "cli/values.h"
#include "core/fail.h"
#include "core/utf8.h"

namespace tramontane::cli {
namespace {

constexpr double kTemperature = 0.7;

struct Options {
  ModelOptions model;
  SamplingOptions sampling{kTemperature};
  GenerateOptions generate = {.max_tokens = 4096};
  std::string chat_template;  // empty: the one of the model
  std::string system;
  std::optional<std::string> load;  // a file
  bool json = false;
};

/// The conversation of one run: reads messages, shows answers.
class Chat {
 public:
  Chat(const Options& options, Model& model, ChatSession::Encode encode)
      : json_(options.json), session_(model, std::move(encode), options.generate) {
    if (options.load) session_.conversation() = load_conversation(*options.load);
    if (!options.system.empty()) session_.set_system_prompt(options.system);
  }

  /// The exit code.
  int run();

 private:
  bool line(const std::string& text);
  bool send(const std::string& text);
  bool answer_or_restore(const std::vector<Message>& before);
  bool answer();
  bool make_room();
  void report(const Answer& answer);
  int finish(int code);

  bool json_;
  ChatSession session_;
  LineReader reader_;
  Screen screen_;
  std::optional<Answer> last_;
  ChatCommands commands_{session_, last_};
};

int Chat::run() {
  if (reader_.interactive()) note("/help lists the commands, Ctrl-D leaves.\n");
  for (;;) {
    const LineReader::Input input = reader_.read("> ");
    const bool ended = interrupt_signal() != 0 && (interrupt_signal() != SIGINT || !reader_.interactive());
    if (ended) return finish(128 + interrupt_signal());
    if (input.kind == LineReader::Kind::end) return finish(0);
    if (input.kind == LineReader::Kind::interrupted) {
      forget_interrupt();
      note("\n");
    } else if (!input.text.empty() && !line(input.text)) {
      return finish(interrupt_signal() == 0 ? 0 : 128 + interrupt_signal());
    }
  }
}

int Chat::finish(int code) {
  if (reader_.interactive()) note("\n");
  screen_.output().check();
  return code;
}

/// False: the chat is over.
bool Chat::line(const std::string& text) {
  if (!reader_.interactive()) return send(text);
  try {
    if (text.starts_with("//")) return send(text.substr(1));
    if (!text.starts_with('/')) return send(text);
    const std::vector<Message> before = session_.conversation().messages;
    const ChatRequest request = commands_.run(text);
    return request == ChatRequest::answer ? answer_or_restore(before) : request == ChatRequest::nothing;
  } catch (const Error& error) {
    note(fmt::format("{}\n", one_line(error.what())));
    return true;
  }
}

bool Chat::send(const std::string& text) {
  if (const std::size_t at = find_invalid_utf8(text); at != std::string::npos) {
    fail("message: expected UTF-8, found byte {:#04x} at offset {}", static_cast<unsigned char>(text[at]),
         at);
  }
  auto& messages = session_.conversation().messages;
  const std::vector<Message> before = messages;
  // After an answer without text there is none in the conversation. Neighbours become one message here as in
  // Mistral's templates, since some others refuse them.
  if (!messages.empty() && messages.back().role == Role::user && !messages.back().content.empty()) {
    messages.back().content.back().text += "\n\n" + text;
  } else {
    messages.push_back({.role = Role::user, .content = {{.text = text}}});
  }
  return answer_or_restore(before);
}

/// Where there is no answer, the messages are `before` again.
bool Chat::answer_or_restore(const std::vector<Message>& before) {
  auto& messages = session_.conversation().messages;
  try {
    if (make_room()) return answer();
    messages = before;
    return true;
  } catch (...) {
    messages = before;
    throw;
  }
}

/// False: the conversation does not fit, and nothing was dropped.
bool Chat::make_room() {
  const std::int64_t context = session_.context();
  const std::int64_t tokens = session_.prompt_tokens();
  if (context == 0 || tokens < context) return true;
  const std::string full =
      fmt::format("the conversation has {} tokens, the context holds {} (--ctx)", tokens, context);
  if (!reader_.interactive()) fail("chat: {}", full);

  const Conversation whole = session_.conversation();
  const int turns = session_.turns();
  const auto left_without = [&](int oldest) {
    session_.conversation() = whole;
    session_.drop_oldest(oldest);
    return session_.prompt_tokens();
  };
  int enough = turns - 1;  // the last one stays
  for (int least = 1; least < enough;) {
    const int half = least + (enough - least) / 2;
    if (left_without(half) < context - context / 4) {
      enough = half;
    } else {
      least = half + 1;
    }
  }
  const std::int64_t left = left_without(enough);
  if (left < context) {
    note(fmt::format("The context is full: {}.\n", full));
    const std::string question = fmt::format("Drop the {} oldest of {} turns, which leaves {} tokens? [y/N] ",
                                             turns - session_.turns(), turns, left);
    const LineReader::Input reply = reader_.read(question);
    if (reply.text == "y" || reply.text == "Y" || reply.text == "yes") return true;
  } else {
    note(fmt::format("The message is too long: {}, and the last turn alone has {}.\n", full, left));
  }
  session_.conversation() = whole;
  note("Nothing was sent; /drop, /reset and /save are there.\n");
  return false;
}

bool Chat::answer() {
  Answer answer = session_.answer([&](const OutputDelta& delta) { return json_ || screen_.show(delta); });
  if (!json_) screen_.end();
  report(answer);
  last_ = std::move(answer);
  if (screen_.output().closed()) return false;
  const int signal = interrupt_signal();
  if (signal != 0 && (signal != SIGINT || !reader_.interactive())) return false;
  forget_interrupt();
  return true;
}

void Chat::report(const Answer& answer) {
  const GenerateResult& result = answer.generated;
  if (json_) {
    screen_.output().write(json_line({{"message", to_json(answer.output.message)},
                                      {"finish_reason", name_of(result.finish_reason)},
                                      {"malformed", answer.output.malformed},
                                      {"prompt_tokens", result.prompt_tokens},
                                      {"cached_tokens", result.prompt_cached},
                                      {"completion_tokens", result.tokens.size()},
                                      {"prompt_seconds", result.prompt_seconds},
                                      {"generation_seconds", result.generation_seconds}}));
    return;
  }
  if (result.finish_reason == FinishReason::cancelled && interrupt_signal() != 0) note("[stopped]\n");
  if (result.finish_reason == FinishReason::length) note("[stopped: --max-tokens]\n");
  if (result.finish_reason == FinishReason::context)
    note("[stopped: the context is full; /drop makes room]\n");
  if (answer.output.malformed > 0) note("[the answer has a tool call that cannot be read]\n");
}

int run_chat(Options& options) {
  Model model = load(options.model);
  PromptFormat format = prompt_format(options.model.folder, model.tokenizer(), options.chat_template);
  options.generate.stop_tokens = format.stop_tokens;
  options.generate.engine.interrupt = &interrupt_flag();
  Chat chat(options, model, std::move(format.encode));
  catch_interrupts();
  return chat.run();
}

}  // namespace

void add_chat(CLI::App& app, Run& run) {
  auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App& command =
      *app.add_subcommand("chat", "Talk with an instruct model, in a terminal or one message per line");
  o.model.add_folder_to(command);
  command
      .add_option("--chat-template", o.chat_template,
                  "How the conversation is written, instead of as the model's files say")
      ->check(CLI::IsMember(chat_template_names()));
  command.add_option("--system", o.system, "Instructions at the beginning");
  command.add_option("--load", o.load, "Go on with a conversation of a file, JSON in OpenAI's format")
      ->check(a_name());
  command.add_option("-m,--max-tokens", o.generate.max_tokens, "Most tokens of an answer")
      ->check(within(1, kMost))
      ->capture_default_str();
  command
      .add_option("--ctx", o.generate.engine.context,
                  "Most tokens of the conversation; 0: what the checkpoint declares, if it does")
      ->check(within(0, kMost))
      ->capture_default_str();
  command.add_flag("--json", o.json, "Print one JSON object for each answer instead of text");
  o.sampling.add_to(command);
  o.model.add_to(command);
  command.callback([options, &run] {
    options->generate.sampling = options->sampling.options();
    run = [options] { return run_chat(*options); };
  });
}

}  // namespace tramontane::cli
