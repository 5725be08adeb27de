#include "chat/json_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/fail.h"

namespace tramontane {

namespace {

void write_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void write(const JsonValue& value, std::string& out) {
  using Kind = JsonValue::Kind;
  if (value.is(Kind::string)) {
    write_string(value.text, out);
  } else if (value.is(Kind::array) || value.is(Kind::object)) {
    const bool object = value.is(Kind::object);
    out += object ? '{' : '[';
    for (std::size_t i = 0; i < value.values.size(); i++) {
      if (i > 0) out += ", ";
      if (object) {
        write_string(value.keys[i], out);
        out += ": ";
      }
      write(value.values[i], out);
    }
    out += object ? '}' : ']';
  } else {
    out += value.is(Kind::null) ? "null" : value.text;
  }
}

}  // namespace

const JsonValue* JsonValue::find(std::string_view key) const {
  const auto at = std::ranges::find(keys, key);
  return at == keys.end() ? nullptr : &values[static_cast<std::size_t>(at - keys.begin())];
}

JsonValue json_string(std::string_view text) {
  return {.kind = JsonValue::Kind::string, .text = std::string(text)};
}

std::string write_json(const JsonValue& value) {
  std::string out;
  write(value, out);
  return out;
}

std::string write_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific).ptr;
  std::string digits(buffer.begin(), end);  // -d.ddde-dd, the shortest that reads back as `value`
  const std::string sign = digits.front() == '-' ? "-" : "";
  digits.erase(0, sign.size());
  const std::size_t e = digits.find('e');
  const int exponent = std::stoi(digits.substr(e + 1));
  digits.resize(e);
  std::erase(digits, '.');

  const auto n = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    const std::string point = n > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}{:02}", sign, digits[0], point, exponent < 0 ? '-' : '+',
                       std::abs(exponent));
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (n <= exponent + 1)
    return sign + digits + std::string(static_cast<std::size_t>(exponent + 1 - n), '0') + ".0";
  return sign + digits.insert(static_cast<std::size_t>(exponent) + 1, ".");
}

std::string describe(const JsonValue& value) {
  using Kind = JsonValue::Kind;
  if (value.is(Kind::object)) return "an object";
  if (value.is(Kind::array)) return "an array";
  if (value.is(Kind::null)) return "null";
  return printable(value.text);
}

}  // namespace tramontane
