#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tramontane::cli {

/// Where the lines of a chat come from: a terminal with editing and history (libedit), or a pipe. On a
/// terminal, messages may have several lines: one that ends in a backslash goes on, and """ opens and closes
/// a block. Not thread-safe; at most one at a time.
class LineReader {
 public:
  enum class Kind { message, interrupted, end };
  struct Input {
    Kind kind = Kind::end;  // interrupted: Ctrl-C, and what was typed is gone
    std::string text = {};  // without the final newline
  };

  LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  /// Standard input and standard error are a terminal.
  bool interactive() const { return editor_ != nullptr; }

  /// The next message. Throws Error when standard input cannot be read or holds more than 16 MiB in one
  /// message.
  Input read(std::string_view prompt);

 private:
  struct Editor;
  Input read_line(std::string_view prompt);
  Input read_piped_line();

  std::unique_ptr<Editor> editor_;
  std::string piped_;  // read, but not yet part of a line
};

}  // namespace tramontane::cli
