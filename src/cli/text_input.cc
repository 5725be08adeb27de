#include "cli/text_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/fail.h"

namespace tramontane::cli {
namespace {

constexpr std::size_t kLongestText = 16 << 20;  // bytes; what the tokenizer takes

std::string last_error() { return std::generic_category().message(errno); }

std::string read_all(int fd, const std::string& name) {
  std::string text;
  std::string buffer(1 << 16, '\0');
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == 0) return text;
    if (n > 0) text.append(buffer, 0, static_cast<std::size_t>(n));
    if (n < 0 && errno != EINTR) fail("{}: cannot read the text: {}", name, last_error());
    if (text.size() > kLongestText) {
      fail("{}: expected a text of at most {}, found more", name,
           human_bytes(static_cast<double>(kLongestText)));
    }
  }
}

}  // namespace

std::string read_text(const std::string& path) {
  if (path == "-") return read_all(STDIN_FILENO, "standard input");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("{}: cannot open the text file: {}", path, last_error());
  try {
    std::string text = read_all(fd, path);
    ::close(fd);
    return text;
  } catch (...) {
    ::close(fd);
    throw;
  }
}

std::string without_final_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace tramontane::cli
