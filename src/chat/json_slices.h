#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Valid JSON taken apart without being rewritten: the slices are the text as it was written, without the
// white space around it. They view the argument. Nesting may be as deep as it likes; time is linear.
namespace tramontane {

/// Without JSON's white space at its ends.
std::string_view trimmed(std::string_view text);

/// RFC 8259, less numbers that overflow a double.
bool is_json_object(std::string_view text);

/// The elements of a JSON array; nothing when `text` is not one.
std::optional<std::vector<std::string_view>> array_slices(std::string_view text);

/// The keys, decoded, and values of an object. Precondition: is_json_object, or an object in valid JSON.
std::vector<std::pair<std::string, std::string_view>> object_slices(std::string_view text);

/// The text of a JSON string; nothing when `text`, which is valid JSON, is of another type.
std::optional<std::string> string_value(std::string_view text);

}  // namespace tramontane
