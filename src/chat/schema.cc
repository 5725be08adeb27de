#include "chat/schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <string_view>

// The draft's own schema, https://json-schema.org/draft-07/schema, as a function.
namespace tramontane {

namespace {

using Kind = JsonValue::Kind;

bool is_number(const JsonValue& value) { return value.is(Kind::integer) || value.is(Kind::real); }

/// Of a number. Integers beyond a double's range have its sign.
double as_double(const JsonValue& value) {
  if (value.text.ends_with("Infinity")) return value.text.front() == '-' ? -HUGE_VAL : HUGE_VAL;
  double number = 0;
  const auto error = std::from_chars(value.text.data(), value.text.data() + value.text.size(), number).ec;
  if (error == std::errc::result_out_of_range) return value.text.front() == '-' ? -HUGE_VAL : HUGE_VAL;
  return number;
}

bool is_count(const JsonValue& value) {
  if (value.is(Kind::integer)) return value.text.front() != '-';
  if (!value.is(Kind::real) || value.text == "NaN" || value.text.ends_with("Infinity")) return false;
  return as_double(value) >= 0 && std::trunc(as_double(value)) == as_double(value);
}

bool is_boolean(const JsonValue& value) { return value.is(Kind::boolean); }
bool is_string(const JsonValue& value) { return value.is(Kind::string); }
bool is_array(const JsonValue& value) { return value.is(Kind::array); }
bool is_step(const JsonValue& value) {
  return is_number(value) && (value.text == "NaN" || as_double(value) > 0);
}

bool is_schema_list(const JsonValue& value) {
  return value.is(Kind::array) && !value.values.empty() && std::ranges::all_of(value.values, is_schema);
}

bool is_schema_or_list(const JsonValue& value) { return is_schema(value) || is_schema_list(value); }

bool is_schema_map(const JsonValue& value) {
  return value.is(Kind::object) && std::ranges::all_of(value.values, is_schema);
}

bool are_unique_strings(const JsonValue& value) {
  if (!value.is(Kind::array) || !std::ranges::all_of(value.values, is_string)) return false;
  std::set<std::string_view> seen;
  return std::ranges::all_of(value.values,
                             [&](const JsonValue& item) { return seen.insert(item.text).second; });
}

bool is_dependency_map(const JsonValue& value) {
  return value.is(Kind::object) && std::ranges::all_of(value.values, [](const JsonValue& item) {
           return is_schema(item) || are_unique_strings(item);
         });
}

bool is_simple_type(const JsonValue& value) {
  constexpr std::array<std::string_view, 7> kTypes = {"array",  "boolean", "integer", "null",
                                                      "number", "object",  "string"};
  return value.is(Kind::string) && std::ranges::find(kTypes, value.text) != kTypes.end();
}

bool is_type(const JsonValue& value) {
  return is_simple_type(value) || (are_unique_strings(value) && !value.values.empty() &&
                                   std::ranges::all_of(value.values, is_simple_type));
}

struct Keyword {
  std::string_view name;
  bool (*check)(const JsonValue&);
};

constexpr std::array kKeywords = {
    Keyword{"$id", is_string},
    Keyword{"$schema", is_string},
    Keyword{"$ref", is_string},
    Keyword{"$comment", is_string},
    Keyword{"title", is_string},
    Keyword{"description", is_string},
    Keyword{"readOnly", is_boolean},
    Keyword{"examples", is_array},
    Keyword{"multipleOf", is_step},
    Keyword{"maximum", is_number},
    Keyword{"exclusiveMaximum", is_number},
    Keyword{"minimum", is_number},
    Keyword{"exclusiveMinimum", is_number},
    Keyword{"maxLength", is_count},
    Keyword{"minLength", is_count},
    Keyword{"pattern", is_string},
    Keyword{"additionalItems", is_schema},
    Keyword{"items", is_schema_or_list},
    Keyword{"maxItems", is_count},
    Keyword{"minItems", is_count},
    Keyword{"uniqueItems", is_boolean},
    Keyword{"contains", is_schema},
    Keyword{"maxProperties", is_count},
    Keyword{"minProperties", is_count},
    Keyword{"required", are_unique_strings},
    Keyword{"additionalProperties", is_schema},
    Keyword{"definitions", is_schema_map},
    Keyword{"properties", is_schema_map},
    Keyword{"patternProperties", is_schema_map},
    Keyword{"dependencies", is_dependency_map},
    Keyword{"propertyNames", is_schema},
    Keyword{"enum", is_array},
    Keyword{"type", is_type},
    Keyword{"format", is_string},
    Keyword{"contentMediaType", is_string},
    Keyword{"contentEncoding", is_string},
    Keyword{"if", is_schema},
    Keyword{"then", is_schema},
    Keyword{"else", is_schema},
    Keyword{"allOf", is_schema_list},
    Keyword{"anyOf", is_schema_list},
    Keyword{"oneOf", is_schema_list},
    Keyword{"not", is_schema},
};

}  // namespace

bool is_schema(const JsonValue& value) {
  if (value.is(Kind::boolean)) return true;
  if (!value.is(Kind::object)) return false;
  for (std::size_t i = 0; i < value.keys.size(); i++) {
    const auto keyword = std::ranges::find(kKeywords, value.keys[i], &Keyword::name);
    if (keyword != kKeywords.end() && !keyword->check(value.values[i])) return false;
  }
  return true;
}

}  // namespace tramontane
