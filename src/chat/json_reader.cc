#include <charconv>
#include <cstdint>
#include <limits>
#include <map>

#include "chat/chat_fail.h"
#include "chat/json_value.h"
#include "core/utf8.h"

namespace tramontane {

namespace {

constexpr std::size_t kMostValues = 1 << 20;  // of about 100 bytes each
constexpr int kDeepest = 512;  // Python's own limit depends on the stack of its caller, and is near 1000
constexpr std::size_t kDigits = 4300;  // of an integer that Python converts

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::uint32_t code, std::string& out) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
}

/// Where the number was out of a double's range: too large, rather than too small. `text` is a JSON number.
bool overflows(std::string_view text) {
  std::int64_t before = 0, zeros = 0;  // digits before the point; zeros after it, before any other digit
  bool point = false, significant = false;
  std::size_t at = text.front() == '-' ? 1 : 0;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; at++) {
    point = point || text[at] == '.';
    significant = significant || (is_digit(text[at]) && text[at] != '0');
    if (!point && significant) before++;
    if (point && !significant && text[at] == '0') zeros++;
  }
  if (at == text.size()) return before > 0;
  const bool negative = text[at + 1] == '-';
  at += text[at + 1] == '-' || text[at + 1] == '+' ? 2 : 1;
  std::int64_t exponent = 0;
  if (std::from_chars(text.data() + at, text.data() + text.size(), exponent).ec != std::errc())
    return !negative;
  return (negative ? -exponent : exponent) + before - zeros > 0;
}

/// A recursive descent over the text. A rule that returns false has found a syntax error.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<JsonValue> read() {
    JsonValue value;
    skip_space();
    if (!read_value(value, 0)) return std::nullopt;
    skip_space();
    if (!rest_.empty()) return std::nullopt;
    if (half_pair_) refuse(ChatErrorKind::format, "expected Unicode text, found half a surrogate pair");
    return value;
  }

 private:
  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  void skip_space() {
    const std::size_t end = rest_.find_first_not_of(" \t\n\r");
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }

  bool read_value(JsonValue& value, int depth) {
    using Kind = JsonValue::Kind;
    if (depth == kDeepest && (rest_.starts_with('{') || rest_.starts_with('['))) {
      refuse(ChatErrorKind::format, "expected JSON nested at most {} deep, found deeper", kDeepest);
    }
    if (++values_ > kMostValues) {
      refuse(ChatErrorKind::format, "expected JSON of at most {} values, found more", kMostValues);
    }
    if (take("{")) return read_object(value, depth);
    if (take("[")) return read_array(value, depth);
    if (take("\"")) {
      value.kind = Kind::string;
      return read_string(value.text);
    }
    if (take("null")) return true;
    for (const char* word : {"true", "false"}) {
      if (take(word)) {
        value = {.kind = Kind::boolean, .text = word};
        return true;
      }
    }
    for (const char* word : {"NaN", "Infinity", "-Infinity"}) {
      if (take(word)) {
        value = {.kind = Kind::real, .text = word};
        return true;
      }
    }
    return read_number(value);
  }

  bool read_array(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::array;
    skip_space();
    if (take("]")) return true;
    while (true) {
      skip_space();
      if (!read_value(value.values.emplace_back(), depth + 1)) return false;
      skip_space();
      if (take("]")) return true;
      if (!take(",")) return false;
    }
  }

  bool read_object(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::object;
    std::map<std::string, std::size_t> places;
    skip_space();
    if (take("}")) return true;
    while (true) {
      skip_space();
      std::string key;
      if (!take("\"") || !read_string(key)) return false;
      skip_space();
      if (!take(":")) return false;
      skip_space();
      JsonValue member;
      if (!read_value(member, depth + 1)) return false;
      const auto [place, is_new] = places.try_emplace(key, value.values.size());
      if (is_new) {
        value.keys.push_back(std::move(key));
        value.values.push_back(std::move(member));
      } else {
        value.values[place->second] = std::move(member);
      }
      skip_space();
      if (take("}")) return true;
      if (!take(",")) return false;
    }
  }

  bool read_string(std::string& out) {
    while (true) {
      std::size_t plain = 0;
      while (plain < rest_.size() && rest_[plain] != '"' && rest_[plain] != '\\' &&
             static_cast<unsigned char>(rest_[plain]) >= 0x20) {
        plain++;
      }
      out += rest_.substr(0, plain);
      rest_.remove_prefix(plain);
      if (take("\"")) return true;
      if (!take("\\") || !read_escape(out)) return false;
    }
  }

  bool read_escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return false;
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    if (letter != 'u') {
      const std::size_t index = kLetters.find(letter);
      if (index != std::string_view::npos) out += kMeanings[index];
      return index != std::string_view::npos;
    }
    std::uint32_t code = 0, low = 0;
    if (!read_hex(code)) return false;
    if (code >= 0xd800 && code < 0xdc00 && take("\\u")) {
      if (!read_hex(low)) return false;
      if (low >= 0xdc00 && low < 0xe000) {
        append_utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
        return true;
      }  // else half a pair makes the whole text unusable, whatever `low` was
    }
    if (code >= 0xd800 && code < 0xe000) {
      half_pair_ = true;  // a syntax error that follows comes first
    } else {
      append_utf8(code, out);
    }
    return true;
  }

  bool read_hex(std::uint32_t& code) {
    const std::string_view hex = rest_.substr(0, 4);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (hex.size() < 4 || error != std::errc() || end != hex.data() + 4) return false;
    rest_.remove_prefix(4);
    return true;
  }

  std::size_t digits_at(std::size_t at) const {
    std::size_t end = at;
    while (end < rest_.size() && is_digit(rest_[end])) end++;
    return end - at;
  }

  bool read_number(JsonValue& value) {
    const std::size_t start = rest_.starts_with('-') ? 1 : 0;
    std::size_t end = start + (rest_.substr(start).starts_with('0') ? 1 : digits_at(start));
    if (end == start) return false;
    const std::size_t integer = end - start;
    if (rest_.substr(end).starts_with('.') && digits_at(end + 1) > 0) end += 1 + digits_at(end + 1);
    if (end < rest_.size() && (rest_[end] == 'e' || rest_[end] == 'E')) {
      const std::size_t sign =
          end + 1 < rest_.size() && (rest_[end + 1] == '-' || rest_[end + 1] == '+') ? 1 : 0;
      if (const std::size_t digits = digits_at(end + 1 + sign); digits > 0) end += 1 + sign + digits;
    }
    const std::string_view number = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (end == start + integer) return set_integer(value, number, integer);
    value.kind = JsonValue::Kind::real;
    double parsed = 0;
    const auto error = std::from_chars(number.data(), number.data() + number.size(), parsed).ec;
    if (error == std::errc::result_out_of_range) {
      parsed = overflows(number) ? std::numeric_limits<double>::infinity() : 0.0;
      if (start == 1) parsed = -parsed;
    }
    value.text = write_number(parsed);
    return true;
  }

  static bool set_integer(JsonValue& value, std::string_view number, std::size_t digits) {
    if (digits > kDigits) {
      refuse(ChatErrorKind::format, "expected an integer of at most {} digits, found {}", kDigits, digits);
    }
    value = {.kind = JsonValue::Kind::integer, .text = std::string(number == "-0" ? "0" : number)};
    return true;
  }

  std::string_view rest_;
  std::size_t values_ = 0;
  bool half_pair_ = false;
};

}  // namespace

std::optional<JsonValue> read_json(std::string_view text) {
  if (const std::size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    refuse(ChatErrorKind::format, "expected UTF-8, found another byte at offset {}", at);
  }
  return Reader(text).read();
}

}  // namespace tramontane
