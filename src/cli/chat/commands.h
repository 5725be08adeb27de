#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/chat/session.h"

namespace tramontane::cli {

/// What a line asks for that begins with a slash.
enum class ChatRequest {
  nothing,  // it is done
  answer,   // of the conversation as it stands
  leave,
};

/// Carries out a chat's commands: /help, /system, /reset, /drop, /regenerate, /save, /load, /stats, /exit.
/// Borrows both.
class ChatCommands {
 public:
  ChatCommands(ChatSession& session, const std::optional<Answer>& last) : session_(session), last_(last) {}

  /// Says what it did on standard error, also what went wrong. Throws nothing of its own.
  ChatRequest run(std::string_view line);

 private:
  ChatRequest carry_out(std::string_view name, const std::string& argument);
  void help() const;
  void system(const std::string& text);
  void drop(const std::string& count);
  void save(const std::string& file) const;
  void load(const std::string& file);
  void stats() const;

  ChatSession& session_;
  const std::optional<Answer>& last_;
};

}  // namespace tramontane::cli
