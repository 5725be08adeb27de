#include "checkpoint/gguf_fields.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "checkpoint/byte_reader.h"
#include "core/fail.h"

namespace tramontane {
namespace {

constexpr std::uint64_t kMostElements = 1 << 22;  // of an array in memory: more than any vocabulary has

struct Describe {
  std::string operator()(std::uint64_t value) const { return fmt::format("{}", value); }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(float value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return fmt::format("{}", value); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::string_view value) const { return printable(value); }
  std::string operator()(const GgufArray& value) const {
    return fmt::format("an array of {} elements", value.count);
  }
};

/// The double nearest to the shortest decimal number that gives this float.
double widen(float value) {
  const std::string text = fmt::format("{}", value);
  double wide = value;
  std::from_chars(text.data(), text.data() + text.size(), wide);
  return wide;
}

}  // namespace

const GgufValue* GgufFields::find(std::string_view key) const {
  const auto at = gguf_.metadata.find(key);
  return at == gguf_.metadata.end() ? nullptr : &at->second;
}

void GgufFields::wrong(std::string_view key, std::string_view expected) const {
  const GgufValue* value = find(key);
  fail("{}: key {}: expected {}, found {}", file_, printable(key), expected,
       value == nullptr ? "nothing" : std::visit(Describe(), *value));
}

std::optional<std::int64_t> GgufFields::integer(std::string_view key, std::int64_t least,
                                                std::int64_t most) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const std::string expected = fmt::format("an integer in {}..{}", least, most);
  if (const auto* positive = std::get_if<std::uint64_t>(value)) {
    if (!std::in_range<std::int64_t>(*positive)) wrong(key, expected);
    const auto number = static_cast<std::int64_t>(*positive);
    if (number < least || number > most) wrong(key, expected);
    return number;
  }
  const auto* number = std::get_if<std::int64_t>(value);
  if (number == nullptr || *number < least || *number > most) wrong(key, expected);
  return *number;
}

std::optional<double> GgufFields::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  double number = NAN;
  if (const auto* narrow = std::get_if<float>(value)) number = widen(*narrow);
  if (const auto* wide = std::get_if<double>(value)) number = *wide;
  if (const auto* whole = std::get_if<std::uint64_t>(value)) number = static_cast<double>(*whole);
  if (!std::isfinite(number)) wrong(key, "a finite number");
  return number;
}

std::optional<bool> GgufFields::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* truth = std::get_if<bool>(value);
  if (truth == nullptr) wrong(key, "true or false");
  return *truth;
}

std::optional<std::string_view> GgufFields::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const auto* text = std::get_if<std::string_view>(value);
  if (text == nullptr) wrong(key, "a string");
  return *text;
}

const GgufArray* GgufFields::array(std::string_view key, std::initializer_list<GgufType> types,
                                   std::string_view expected) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return nullptr;
  const auto* array = std::get_if<GgufArray>(value);
  const bool right = array != nullptr && array->count <= kMostElements &&
                     std::find(types.begin(), types.end(), array->type) != types.end();
  if (!right) wrong(key, expected);
  return array;
}

std::optional<std::vector<std::string_view>> GgufFields::strings(std::string_view key) const {
  const GgufArray* found = array(key, {GgufType::string}, "an array of strings");
  if (found == nullptr) return std::nullopt;
  ByteReader in(found->bytes, file_, key);
  std::vector<std::string_view> strings;
  strings.reserve(static_cast<std::size_t>(found->count));
  for (std::uint64_t n = 0; n < found->count; n++) strings.push_back(in.text(in.u64()));
  return strings;
}

std::optional<std::vector<float>> GgufFields::floats(std::string_view key) const {
  const GgufArray* found = array(key, {GgufType::float32}, "an array of float32");
  if (found == nullptr) return std::nullopt;
  ByteReader in(found->bytes, file_, key);
  std::vector<float> floats;
  floats.reserve(static_cast<std::size_t>(found->count));
  for (std::uint64_t n = 0; n < found->count; n++) floats.push_back(std::bit_cast<float>(in.u32()));
  return floats;
}

std::optional<std::vector<std::int32_t>> GgufFields::integers(std::string_view key) const {
  const GgufArray* found = array(key, {GgufType::int32, GgufType::uint32}, "an array of int32");
  if (found == nullptr) return std::nullopt;
  ByteReader in(found->bytes, file_, key);
  std::vector<std::int32_t> integers;
  integers.reserve(static_cast<std::size_t>(found->count));
  for (std::uint64_t n = 0; n < found->count; n++) integers.push_back(static_cast<std::int32_t>(in.u32()));
  return integers;
}

std::int64_t GgufFields::need_integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  const auto value = integer(key, least, most);
  if (!value) wrong(key, fmt::format("an integer in {}..{}", least, most));
  return *value;
}

double GgufFields::need_number(std::string_view key) const {
  const auto value = number(key);
  if (!value) wrong(key, "a number");
  return *value;
}

std::string_view GgufFields::need_string(std::string_view key) const {
  const auto value = string(key);
  if (!value) wrong(key, "a string");
  return *value;
}

}  // namespace tramontane
