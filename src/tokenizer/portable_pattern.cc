#include "tokenizer/portable_pattern.h"

#include <algorithm>
#include <array>

namespace tramontane {
namespace {

constexpr std::string_view kSharedEscapes = "pPsSdDrntf";
constexpr std::array<std::string_view, 6> kSharedGroups = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!"};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_shared_group(std::string_view group) {
  return !group.starts_with("(?") || std::any_of(kSharedGroups.begin(), kSharedGroups.end(),
                                                 [&](std::string_view g) { return group.starts_with(g); });
}

}  // namespace

std::string_view read_differently(std::string_view expression) {
  bool in_set = false;
  for (std::size_t at = 0; at < expression.size(); at++) {
    const std::string_view rest = expression.substr(at);
    const char c = rest[0];
    if (c == '\\') {
      at++;
      if (rest.size() < 2) return rest;
      if (is_letter_or_digit(rest[1]) && kSharedEscapes.find(rest[1]) == std::string_view::npos) {
        return rest.substr(0, 2);
      }
      if (rest.starts_with("\\p{") || rest.starts_with("\\P{"))
        at += std::min(rest.find('}'), rest.size()) - 1;
    } else if (in_set) {
      if (c == '[') return rest.substr(0, 1);  // a set within a set, to one of them
      if (rest.starts_with("&&")) return rest.substr(0, 2);
      if (c == ']') in_set = false;
    } else if (c == '[') {
      in_set = true;
      if (rest.starts_with("[^")) at++;
      if (expression.substr(at + 1).starts_with("]")) return rest.substr(0, 2);
    } else if (c == '^' || c == '$' || c == '.') {
      return rest.substr(0, 1);
    } else if (c == '(' && (!is_shared_group(rest) || rest.starts_with("(*"))) {
      return rest.substr(0, 3);
    } else if (rest.starts_with("}+") || rest.starts_with("}?") || rest.starts_with("{,")) {
      return rest.substr(0, 2);
    }
  }
  return {};
}

}  // namespace tramontane
