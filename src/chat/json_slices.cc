#include "chat/json_slices.h"

#include <nlohmann/json.hpp>

namespace tramontane {
namespace {

/// NUL ends the text for the library, which would not see what follows it.
bool is_json(std::string_view text) {
  return text.find('\0') == std::string_view::npos && nlohmann::json::accept(text);
}

/// What stands between the brackets of an array or object, split at its own commas (and the colons after its
/// own keys).
std::vector<std::string_view> split(std::string_view text, bool at_colons) {
  const std::string_view inside = trimmed(text.substr(1, text.size() - 2));
  std::vector<std::string_view> parts;
  if (inside.empty()) return parts;
  std::size_t begin = 0;
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < inside.size(); i++) {
    const char c = inside[i];
    if (in_string) {
      if (c == '\\') i++;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      depth++;
    } else if (c == ']' || c == '}') {
      depth--;
    } else if (depth == 0 && (c == ',' || (c == ':' && at_colons))) {
      parts.push_back(trimmed(inside.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  parts.push_back(trimmed(inside.substr(begin)));
  return parts;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

bool is_json_object(std::string_view text) { return trimmed(text).starts_with('{') && is_json(text); }

std::optional<std::vector<std::string_view>> array_slices(std::string_view text) {
  if (!trimmed(text).starts_with('[') || !is_json(text)) return std::nullopt;
  return split(trimmed(text), false);
}

std::vector<std::pair<std::string, std::string_view>> object_slices(std::string_view text) {
  const std::vector<std::string_view> parts = split(trimmed(text), true);
  std::vector<std::pair<std::string, std::string_view>> members;
  for (std::size_t i = 0; i + 1 < parts.size(); i += 2) {
    members.emplace_back(string_value(parts[i]).value_or(""), parts[i + 1]);
  }
  return members;
}

std::optional<std::string> string_value(std::string_view text) {
  if (!text.starts_with('"')) return std::nullopt;
  return nlohmann::json::parse(text).get<std::string>();
}

}  // namespace tramontane
