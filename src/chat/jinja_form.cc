#include "chat/jinja_form.h"

#include <algorithm>
#include <vector>

namespace tramontane {
namespace {

constexpr std::string_view kSpace = " \t\n";

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The string literal that `rest` starts with, in single quotes, and removes it; empty when it has no end.
std::string take_string(std::string_view& rest) {
  const char quote = rest[0];
  std::string literal = "'";
  for (std::size_t i = 1; i < rest.size(); i++) {
    char c = rest[i];
    if (c == quote) {
      rest.remove_prefix(i + 1);
      return literal + "'";
    }
    if (c == '\\' && i + 1 < rest.size()) {
      c = rest[++i];
      if (c == 'n') c = '\n';
      if (c == 't') c = '\t';
      if (c != rest[i] || c == '\\' || c == '\'' || c == '"') {
        if (c == '\\' || c == '\'') literal += '\\';
        literal += c;
      } else {
        literal += {'\\', c};  // an escape that no chat template needs: as it is
      }
    } else {
      if (c == '\'') literal += '\\';
      literal += c;
    }
  }
  return "";
}

/// Splits the inside of a tag into words, strings and single characters; false when a string has no end.
bool split(std::string_view inside, std::vector<std::string>& tokens) {
  while (!inside.empty()) {
    if (is_space(inside[0])) {
      inside.remove_prefix(1);
    } else if (inside[0] == '\'' || inside[0] == '"') {
      tokens.push_back(take_string(inside));
      if (tokens.back().empty()) return false;
    } else {
      const auto end = std::find_if_not(inside.begin(), inside.end(), is_word);
      const std::size_t length = std::max<std::size_t>(1, static_cast<std::size_t>(end - inside.begin()));
      tokens.emplace_back(inside.substr(0, length));
      inside.remove_prefix(length);
    }
  }
  return true;
}

/// Whether `+` between two strings joins just those: nothing that binds tighter is at their other sides.
bool joins_strings(const std::vector<std::string>& before, std::string_view next) {
  const std::size_t n = before.size();
  if (n < 2 || before[n - 1] != "+" || before[n - 2][0] != '\'') return false;
  if (!next.empty() && next != "+" && next != ")") return false;
  return n == 2 || before[n - 3] == "+" || before[n - 3] == "(" || before[n - 3] == "=";
}

/// The tokens with `a.b` as a['b'] (but for a call, a.b()) and 'a' + 'b' as 'ab'.
std::string join(const std::vector<std::string>& tokens) {
  std::vector<std::string> out;
  const auto at = [&](std::size_t i) -> std::string_view {
    return i < tokens.size() ? std::string_view(tokens[i]) : std::string_view();
  };
  for (std::size_t i = 0; i < tokens.size(); i++) {
    const std::string_view next = at(i + 1);
    if (tokens[i] == "." && !next.empty() && is_word(next[0]) && at(i + 2) != "(") {
      out.insert(out.end(), {"[", "'" + std::string(next) + "'", "]"});
      i++;
    } else if (tokens[i][0] == '\'' && joins_strings(out, next)) {
      out.pop_back();
      out.back().pop_back();
      out.back() += tokens[i].substr(1);
    } else {
      out.push_back(tokens[i]);
    }
  }
  std::string text;
  for (const std::string& token : out) text += (text.empty() ? "" : " ") + token;
  return text;
}

/// The next tag's "{{", "{%" or "{#"; npos: there is none.
std::size_t find_tag(std::string_view text, std::size_t at) {
  for (; (at = text.find('{', at)) != std::string_view::npos; at++) {
    if (at + 1 < text.size() && std::string_view("{%#").find(text[at + 1]) != std::string_view::npos) break;
  }
  return at;
}

/// Where the tag's inside ends, of a tag that starts with `inside`; npos: nowhere.
std::size_t find_end(std::string_view inside, char closing) {
  char quote = '\0';
  for (std::size_t i = 0; i + 1 < inside.size(); i++) {
    const char c = inside[i];
    if (quote != '\0') {
      if (c == '\\') i++;
      if (c == quote) quote = '\0';
    } else if (closing != '#' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == closing && inside[i + 1] == '}') {
      return i;
    }
  }
  return std::string_view::npos;
}

/// Where the output text ends before a tag at `tag` of `source`.
std::size_t end_of_text(std::string_view source, std::size_t begin, std::size_t tag) {
  const char sign = tag + 2 < source.size() ? source[tag + 2] : '\0';
  std::size_t end = tag;
  if (sign == '-') {
    while (end > begin && is_space(source[end - 1])) end--;
  } else if (source[tag + 1] != '{' && sign != '+') {  // lstrip_blocks
    while (end > begin && (source[end - 1] == ' ' || source[end - 1] == '\t')) end--;
    if (end > 0 && source[end - 1] != '\n') end = tag;
  }
  return end;
}

/// Where the output text goes on after a tag that ends before `next` of `source`.
std::size_t begin_of_text(std::string_view source, std::size_t next, char sign, bool is_output) {
  if (sign == '-') return std::min(source.find_first_not_of(kSpace, next), source.size());
  const bool trims = !is_output && sign != '+' && next < source.size() && source[next] == '\n';
  return next + (trims ? 1 : 0);
}

std::string without_carriage_returns(std::string_view source) {
  std::string text;
  for (std::size_t i = 0; i < source.size(); i++) {
    if (source[i] != '\r') {
      text += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      text += '\n';
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

std::optional<std::string> jinja_form(std::string_view given) {
  const std::string source = without_carriage_returns(given);
  const std::string_view text = source;
  std::string form;
  std::size_t at = 0;
  for (;;) {
    const std::size_t tag = find_tag(text, at);
    if (tag == std::string_view::npos) return form += text.substr(at);
    form += text.substr(at, end_of_text(text, at, tag) - at);

    const char opening = text[tag + 1];
    std::string_view inside = text.substr(tag + 2);
    const std::size_t end = find_end(inside, opening == '{' ? '}' : opening);
    if (end == std::string_view::npos) return std::nullopt;
    inside = inside.substr(0, end);
    const char sign = inside.empty() ? '\0' : inside.back();
    at = begin_of_text(text, tag + 2 + end + 2, sign, opening == '{');
    if (opening == '#') continue;
    if (!inside.empty() && (inside[0] == '-' || inside[0] == '+')) inside.remove_prefix(1);
    if (!inside.empty() && (inside.back() == '-' || inside.back() == '+')) inside.remove_suffix(1);
    std::vector<std::string> tokens;
    if (!split(inside, tokens)) return std::nullopt;
    form += opening == '{' ? "{{" + join(tokens) + "}}" : "{%" + join(tokens) + "%}";
  }
}

}  // namespace tramontane
