#include "cli/chat/commands.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <system_error>

#include "cli/chat/chat_json.h"
#include "cli/terminal.h"
#include "core/fail.h"

namespace tramontane::cli {
namespace {

constexpr std::string_view kHelp =
    "/system [TEXT]   show or set the instructions at the beginning; /system - takes them away\n"
    "/regenerate      answer the last message again\n"
    "/reset           forget the conversation, not the instructions\n"
    "/drop [N]        forget the oldest N turns [1]\n"
    "/save FILE       write the conversation as JSON, in OpenAI's format\n"
    "/load FILE       go on with a conversation in that format\n"
    "/stats           tokens and rates of the last answer, and how full the context is\n"
    "/exit            leave, as Ctrl-D does\n"
    "A line that ends in \\ goes on in the next one; \"\"\" opens and closes a message of several lines.\n"
    "// at the beginning is a message that starts with a slash. Ctrl-C stops an answer.\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// All or nothing: beside the file first. What is no plain file, such as a link or a pipe, is not replaced
/// but written to.
void write_file(const std::string& file, const std::string& text) {
  namespace fs = std::filesystem;
  std::error_code wrong;
  const fs::file_type type = fs::symlink_status(file, wrong).type();
  const bool replaced = type == fs::file_type::regular || type == fs::file_type::not_found;
  const std::string written = replaced ? file + ".partial" : file;
  wrong.clear();
  std::ofstream out(written, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    wrong = std::error_code(errno != 0 ? errno : EIO, std::generic_category());
  } else if (replaced) {
    fs::rename(written, file, wrong);
  }
  if (!wrong) return;
  std::error_code ignored;
  if (replaced) fs::remove(written, ignored);
  fail("/save: {}: {}", printable(file), wrong.message());
}

}  // namespace

ChatRequest ChatCommands::run(std::string_view line) {
  const std::size_t end = std::min(line.find_first_of(" \t\n"), line.size());
  try {
    return carry_out(line.substr(1, end - 1), std::string(trimmed(line.substr(end))));
  } catch (const Error& error) {
    note(fmt::format("{}\n", one_line(error.what())));
    return ChatRequest::nothing;
  }
}

ChatRequest ChatCommands::carry_out(std::string_view name, const std::string& argument) {
  if (name == "exit" || name == "quit" || name == "bye") return ChatRequest::leave;
  if (name == "regenerate") {
    if (!session_.back_to_question()) fail("/regenerate: there is no message to answer");
    return ChatRequest::answer;
  }
  if (name == "help" || name == "?")
    help();
  else if (name == "system")
    system(argument);
  else if (name == "reset")
    session_.reset();
  else if (name == "drop")
    drop(argument);
  else if (name == "save")
    save(argument);
  else if (name == "load")
    load(argument);
  else if (name == "stats")
    stats();
  else
    fail("/{}: expected a command of /help (// starts a message with a slash)", printable(name));
  return ChatRequest::nothing;
}

void ChatCommands::help() const { note(kHelp); }

void ChatCommands::system(const std::string& text) {
  if (!text.empty()) return session_.set_system_prompt(text == "-" ? "" : text);
  const std::string now = session_.system_prompt();
  note(now.empty() ? "no instructions\n" : fmt::format("{}\n", one_line(now)));
}

void ChatCommands::drop(const std::string& count) {
  int turns = 1;
  if (!count.empty()) {
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), turns);
    if (error != std::errc() || end != count.data() + count.size() || turns < 1)
      fail("/drop: expected a number of turns from 1, found {}", printable(count));
  }
  if (turns > session_.turns())
    fail("/drop: expected at most {} turns, which is all, found {}", session_.turns(), turns);
  session_.drop_oldest(turns);
  note(fmt::format("{} turns left\n", session_.turns()));
}

void ChatCommands::save(const std::string& file) const {
  if (file.empty()) fail("/save: expected the name of a file");
  write_file(file, to_text(session_.conversation()));
  note(fmt::format("{} messages written\n", session_.conversation().messages.size()));
}

void ChatCommands::load(const std::string& file) {
  if (file.empty()) fail("/load: expected the name of a file");
  session_.conversation() = load_conversation(file);
  note(fmt::format("{} messages read\n", session_.conversation().messages.size()));
}

void ChatCommands::stats() const {
  if (!last_) return note("no answer yet\n");
  const GenerateResult& last = last_->generated;
  note(fmt::format("prompt: {} tokens, {} of them new, {:.1f} tokens/s\n", last.prompt_tokens,
                   last.prompt_tokens - last.prompt_cached, last.prompt_tokens_per_second()));
  note(fmt::format("answer: {} tokens, {:.1f} tokens/s\n", last.tokens.size(),
                   last.generation_tokens_per_second()));
  const std::size_t used = last.prompt_tokens + last.tokens.size();
  if (session_.context() == 0) return note(fmt::format("context: {} tokens\n", used));
  note(fmt::format("context: {} of {} tokens ({:.0f}%)\n", used, session_.context(),
                   100. * static_cast<double>(used) / static_cast<double>(session_.context())));
}

}  // namespace tramontane::cli
