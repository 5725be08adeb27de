#include "cli/chat/screen.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/utf8.h"

namespace tramontane::cli {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlain = "\x1b[0m";

/// Without what could move the cursor or do worse.
std::string without_controls(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const char c = text.front();
    const std::size_t length = c == '\n' || c == '\t' ? 0 : control_length(text);
    shown += length == 0 ? c : '?';
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return shown;
}

}  // namespace

Screen::Screen() : terminal_(::isatty(STDOUT_FILENO) == 1) {
  const char* no_color = std::getenv("NO_COLOR");
  colours_ = terminal_ && (no_color == nullptr || *no_color == '\0');
}

std::string Screen::styled(std::string_view text, bool dim) {
  std::string all;
  if (dim != dim_ && !fresh_) all += "\n";
  if (colours_ && dim != dim_) all += dim ? kDim : kPlain;
  dim_ = dim;
  all += without_controls(text);
  fresh_ = all.ends_with('\n');
  return all;
}

bool Screen::show(const OutputDelta& delta) {
  using Kind = OutputDelta::Kind;
  if (!terminal_) return delta.kind != Kind::content || out_.write(delta.text);
  if (delta.kind == Kind::tool_call)
    return out_.write(
        styled(fmt::format("[{} {}({})]\n", delta.call.id, delta.call.name, delta.call.arguments), true));
  return out_.write(styled(delta.text, delta.kind == Kind::reasoning));
}

bool Screen::end() {
  const bool written =
      out_.write((colours_ && dim_ ? std::string(kPlain) : "") + (terminal_ && fresh_ ? "" : "\n"));
  dim_ = false;
  fresh_ = true;
  return written;
}

}  // namespace tramontane::cli
