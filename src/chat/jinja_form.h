#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tramontane {

/// A Jinja template in a form that does not depend on how it was laid out: two templates with one form render
/// alike. It follows the environment that transformers documents (trim_blocks, lstrip_blocks, and no newline
/// at the very end): comments and the white space that is not output are gone, strings are spelled in one
/// way, those that `+` joins are one, and `a.b` is `a['b']`. Nothing when a tag or a string has no end.
std::optional<std::string> jinja_form(std::string_view source);

}  // namespace tramontane
