#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// JSON as Python's json module reads and writes it. The prompts that models were trained on hold its output,
// so the order of keys, long integers and the spelling of every number must survive a round trip.
namespace tramontane {

/// A JSON value that owns its parts.
struct JsonValue {
  enum class Kind { null, boolean, integer, real, string, array, object };
  Kind kind = Kind::null;
  std::string text = {};               // a string's UTF-8; any other scalar as Python writes it
  std::vector<std::string> keys = {};  // of an object, each once, in the order of their first appearance
  std::vector<JsonValue> values = {};  // of an object or an array

  bool is(Kind other) const { return kind == other; }
  const JsonValue* find(std::string_view key) const;  // null: absent, or no object
};

/// A string as a value.
JsonValue json_string(std::string_view text);

/// Reads untrusted text, with what Python adds to JSON: NaN, Infinity, and the last of two equal keys wins.
/// Without a value: Python finds a syntax error. Throws ChatError (format) for what Python or its tokenizers
/// refuse in other ways: more than 2^20 values, nesting deeper than 512, integers of more than 4300 digits,
/// half a surrogate pair.
std::optional<JsonValue> read_json(std::string_view text);

/// The text of json.dumps(value, ensure_ascii=False).
std::string write_json(const JsonValue& value);

/// A double as Python's repr() spells it; NaN, Infinity and -Infinity as its json module does.
std::string write_number(double value);

/// What `value` is, for "found ...".
std::string describe(const JsonValue& value);

}  // namespace tramontane
