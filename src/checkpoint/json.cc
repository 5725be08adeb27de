#include "checkpoint/json.h"

#include <algorithm>
#include <set>
#include <vector>

#include "core/fail.h"

namespace tramontane {

using nlohmann::json;

namespace {

/// Looks at JSON before anything is built of it. (The parser's own callback takes quadratic time: it searches
/// the elements so far each time that one ends.)
class Watch final : public json::json_sax_t {
 public:
  explicit Watch(const std::string& file) : file_(file) {}

  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(json::number_integer_t) override { return count(); }
  bool number_unsigned(json::number_unsigned_t) override { return count(); }
  bool number_float(json::number_float_t, const std::string&) override { return count(); }
  bool string(std::string&) override { return count(); }
  bool binary(json::binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return start();
  }
  bool key(std::string& name) override {
    if (!keys_.back().insert(name).second) fail("{}: key {} is there twice", file_, printable(name));
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    return end_array();
  }
  bool start_array(std::size_t) override { return start(); }
  bool end_array() override {
    depth_--;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override { return false; }

 private:
  /// A value takes up to 112 bytes, and 3 in the text. The largest tokenizers there are have 2 million.
  bool count() {
    constexpr int kMostValues = 5 << 20;
    if (++values_ > kMostValues)
      fail("{}: expected JSON of at most {} values, found more", file_, kMostValues);
    return true;
  }

  bool start() {
    constexpr int kDeepest = 32;
    if (++depth_ > kDeepest) fail("{}: expected JSON nested at most {} deep, found deeper", file_, kDeepest);
    return count();
  }

  const std::string& file_;
  int depth_ = 0;
  int values_ = 0;
  std::vector<std::set<std::string>> keys_;  // of the objects that are open, outermost first
};

}  // namespace

json parse_json(std::string_view text, const std::string& file) {
  Watch watch(file);
  json::sax_parse(text, &watch);  // leaves syntax errors to the parser
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    const std::size_t at = error.byte == 0 ? 0 : std::min(error.byte - 1, text.size());
    fail("{}: expected JSON, found a syntax error at byte {}: {}", file, at, printable(text.substr(at, 20)));
  } catch (const json::exception&) {
    fail("{}: expected JSON, found a number too large for it",
         file);  // the only other thing that parsing throws
  }
}

std::string describe(const json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return value.dump();
}

Fields::Fields(const json& value, const std::string& file, std::string path)
    : value_(&value), file_(&file), path_(std::move(path)) {
  if (value.is_object()) return;
  const std::string key =
      path_.empty() ? "" : fmt::format(" key {}:", printable(path_.substr(0, path_.size() - 1)));
  fail("{}:{} expected an object, found {}", file, key, describe(value));
}

const json* Fields::find(const char* key) const {
  const auto at = value_->find(key);
  return at == value_->end() || at->is_null() ? nullptr : &*at;
}

void Fields::wrong(const char* key, std::string_view expected) const {
  const json* value = find(key);
  fail("{}: key {}: expected {}, found {}", *file_, printable(path_ + key), expected,
       value == nullptr ? "nothing" : describe(*value));
}

std::optional<std::int64_t> Fields::integer(const char* key, std::int64_t least, std::int64_t most) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_unsigned()
                        ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(most)
                        : value->is_number_integer();
  if (!fits || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
    wrong(key, fmt::format("an integer in {}..{}", least, most));
  }
  return value->get<std::int64_t>();
}

std::optional<double> Fields::number(const char* key, double least, double most) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most)) {
    wrong(key, fmt::format("a number in {}..{}", least, most));
  }
  return value->get<double>();
}

std::optional<bool> Fields::boolean(const char* key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong(key, "true or false");
  return value->get<bool>();
}

std::optional<std::string> Fields::string(const char* key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong(key, "a string");
  return value->get<std::string>();
}

std::optional<Fields> Fields::object(const char* key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return Fields(*value, *file_, path_ + key + ".");
}

std::int64_t Fields::need_integer(const char* key, std::int64_t least, std::int64_t most) const {
  const auto value = integer(key, least, most);
  if (!value) wrong(key, fmt::format("an integer in {}..{}", least, most));
  return *value;
}

double Fields::need_number(const char* key, double least, double most) const {
  const auto value = number(key, least, most);
  if (!value) wrong(key, fmt::format("a number in {}..{}", least, most));
  return *value;
}

}  // namespace tramontane
