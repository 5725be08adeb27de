#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace tramontane {

/// Parses untrusted JSON. Throws Error for syntax errors, for nesting deeper and more values than any file
/// has, and for keys that are there twice, of which nlohmann::json would silently keep the last.
nlohmann::json parse_json(std::string_view text, const std::string& file);

/// What `value` is, for "found ...": "'silu'", "-3", "null", "an object".
std::string describe(const nlohmann::json& value);

/// An object of a configuration, with access that checks. A key whose value is null counts as absent. Errors
/// name the file and the key: "FILE: key 'text_config.dim': expected an integer in 1..1048576, found 'x'".
/// Views the JSON and the file's name, which must outlive it.
class Fields {
 public:
  /// `path` leads to the object: "" or "text_config." Throws Error when `value` is no object.
  Fields(const nlohmann::json& value, const std::string& file, std::string path = "");

  bool has(const char* key) const { return find(key) != nullptr; }
  const nlohmann::json* find(const char* key) const;  // null: absent

  // Throw Error when the key is there with another type or outside the range.
  std::optional<std::int64_t> integer(const char* key, std::int64_t least, std::int64_t most) const;
  std::optional<double> number(const char* key, double least, double most) const;
  std::optional<bool> boolean(const char* key) const;
  std::optional<std::string> string(const char* key) const;
  std::optional<Fields> object(const char* key) const;

  // And also when the key is absent.
  std::int64_t need_integer(const char* key, std::int64_t least, std::int64_t most) const;
  double need_number(const char* key, double least, double most) const;

  /// Throws: `expected` was expected of `key`, the present value was found.
  [[noreturn]] void wrong(const char* key, std::string_view expected) const;

  const nlohmann::json& value() const { return *value_; }
  const std::string& file() const { return *file_; }
  const std::string& path() const { return path_; }

 private:
  const nlohmann::json* value_;
  const std::string* file_;
  std::string path_;
};

}  // namespace tramontane
