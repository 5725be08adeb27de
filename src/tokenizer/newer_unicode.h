#pragma once
#include <string>
#include <string_view>

namespace tramontane {

/// `text`, valid UTF-8, with each character that the Unicode tables of tiktoken and of PCRE2 sort differently
/// (most are younger than PCRE2's Unicode 14) replaced by one of its category and its number of bytes that
/// both know. Patterns of properties then match the same bytes in both programs. Empty when there is nothing
/// to replace, which is the rule.
std::string with_older_characters(std::string_view text);

}  // namespace tramontane
