#include "cli/chat/line_reader.h"

#include <histedit.h>
#include <langinfo.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <system_error>

#include "cli/terminal.h"
#include "core/fail.h"

namespace tramontane::cli {
namespace {

constexpr int kHistoryLines = 1000;
constexpr std::size_t kLongestMessage = 16 << 20;  // bytes; what the tokenizer takes
constexpr std::string_view kBlock = "\"\"\"";
constexpr std::string_view kMore = "... ";

/// Beside what other programs keep between their runs: $XDG_STATE_HOME, by default ~/.local/state. Empty:
/// there is no home, and the history lasts as long as the chat.
std::filesystem::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::filesystem::path folder;
  if (state != nullptr && *state == '/')
    folder = state;
  else if (home != nullptr && *home != '\0')
    folder = std::filesystem::path(home) / ".local" / "state";
  return folder.empty() ? folder : folder / "tramontane" / "chat_history";
}

char* prompt_of(EditLine* editor) {
  void* text = nullptr;
  el_get(editor, EL_CLIENTDATA, &text);
  return static_cast<std::string*>(text)->data();
}

/// libedit's reader of characters, but one that no Ctrl-C escapes: its own sleeps in read(), also when the
/// signal came just before. 1: read; 0: the end; -1: interrupted. Bytes that are no character are skipped.
int read_character(EditLine* /*editor*/, wchar_t* character) {
  std::mbstate_t state{};
  for (;;) {
    if (!wait_for_input(STDIN_FILENO)) {
      errno = EINTR;
      return -1;
    }
    char byte = 0;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n <= 0) return static_cast<int>(n);
    const std::size_t length = std::mbrtowc(character, &byte, 1, &state);
    if (length == 0 || length == 1) return 1;
    if (length == static_cast<std::size_t>(-1)) state = {};
  }
}

}  // namespace

struct LineReader::Editor {
  Editor() : file(history_file()) {
    std::setlocale(LC_CTYPE, "");
    if (std::string_view(nl_langinfo(CODESET)) != "UTF-8")
      std::setlocale(LC_CTYPE, "C.UTF-8");  // the tokenizer takes UTF-8 whatever the locale
    line = el_init("tramontane", stdin, stderr, stderr);
    past = history_init();
    if (line == nullptr || past == nullptr) fail("terminal: line editing cannot be set up");
    HistEvent event;
    history(past, &event, H_SETSIZE, kHistoryLines);
    history(past, &event, H_SETUNIQUE, 1);
    if (!file.empty()) history(past, &event, H_LOAD, file.c_str());
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_HIST, history, past);
    el_set(line, EL_CLIENTDATA, &prompt);
    el_set(line, EL_PROMPT, prompt_of);
    el_set(line, EL_GETCFN, read_character);
    el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    el_source(line, nullptr);  // the user's own ~/.editrc
  }
  Editor(const Editor&) = delete;
  Editor& operator=(const Editor&) = delete;
  ~Editor() {
    save();
    history_end(past);
    el_end(line);
  }

  void remember(const char* text) {
    HistEvent event;
    history(past, &event, H_ENTER, text);
  }

  // A history that cannot be written is no reason to complain to somebody who is leaving.
  void save() const {
    if (file.empty()) return;
    std::error_code ignored;
    std::filesystem::create_directories(file.parent_path(), ignored);
    HistEvent event;
    history(past, &event, H_SAVE, file.c_str());
    std::filesystem::permissions(
        file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  }

  std::filesystem::path file;
  std::string prompt;
  EditLine* line = nullptr;
  History* past = nullptr;
};

LineReader::LineReader() {
  if (::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1) editor_ = std::make_unique<Editor>();
}
LineReader::~LineReader() = default;

LineReader::Input LineReader::read_line(std::string_view prompt) {
  editor_->prompt = prompt;
  el_set(editor_->line, EL_PREP_TERM, 1);  // before the prompt, or what is typed at once is echoed twice
  int count = 0;
  errno = 0;
  const char* text = el_gets(editor_->line, &count);
  if (text == nullptr) return {count == -1 && errno == EINTR ? Kind::interrupted : Kind::end, {}};
  std::string line(text, static_cast<std::size_t>(count));
  if (line.ends_with('\n')) line.pop_back();
  if (!line.empty()) editor_->remember(line.c_str());
  return {Kind::message, line};
}

LineReader::Input LineReader::read_piped_line() {
  for (;;) {
    if (const std::size_t end = piped_.find('\n'); end != std::string::npos) {
      Input line{Kind::message, piped_.substr(0, end)};
      piped_.erase(0, end + 1);
      if (line.text.ends_with('\r')) line.text.pop_back();
      return line;
    }
    if (!wait_for_input(STDIN_FILENO)) return {Kind::interrupted, {}};
    char buffer[4096];
    const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (n > 0) piped_.append(buffer, static_cast<std::size_t>(n));
    if (n < 0) fail("standard input: cannot read a message: {}", std::generic_category().message(errno));
    if (n == 0 && piped_.empty()) return {Kind::end, {}};
    if (n == 0) return {Kind::message, std::exchange(piped_, {})};
    if (piped_.size() > kLongestMessage) {
      fail("standard input: expected a message of at most {}, found more",
           human_bytes(static_cast<double>(kLongestMessage)));
    }
  }
}

LineReader::Input LineReader::read(std::string_view prompt) {
  if (!editor_) return read_piped_line();
  Input whole = read_line(prompt);
  if (whole.kind != Kind::message) return whole;
  bool block = whole.text.starts_with(kBlock);
  if (block) whole.text.erase(0, kBlock.size());
  for (;;) {
    if (block && whole.text.ends_with(kBlock)) {
      whole.text.erase(whole.text.size() - kBlock.size());
      return whole;
    }
    const bool more = whole.text.ends_with('\\');
    if (!block && !more) return whole;
    if (!block) whole.text.pop_back();
    Input next = read_line(kMore);
    if (next.kind == Kind::interrupted) return next;
    if (next.kind == Kind::end) return whole;  // what is there counts
    whole.text += '\n';
    whole.text += next.text;
  }
}

}  // namespace tramontane::cli
