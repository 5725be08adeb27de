#include "cli/values.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tramontane::cli {
namespace {

/// All of `text` as a number; none: it is something else, or does not fit.
template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

CLI::Validator within(double low, double high) {
  return CLI::Validator(
      [=](std::string& text) {
        const auto value = parse<double>(text);
        if (value && *value >= low && *value <= high) return std::string();
        return fmt::format("expected a number from {} to {}, found '{}'", low, high, text);
      },
      "");
}

CLI::Validator whole_number() {
  return CLI::Validator(
      [](std::string& text) {
        return parse<std::uint64_t>(text)
                   ? std::string()
                   : fmt::format("expected an integer from 0 to 2^64 - 1, found '{}'", text);
      },
      "");
}

CLI::Validator a_name() {
  return CLI::Validator(
      [](std::string& text) { return text.empty() ? "expected a name, found nothing" : ""; }, "");
}

std::vector<TokenId> parse_tokens(const std::string& option, const std::string& text) {
  std::vector<TokenId> ids;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const auto id = parse<TokenId>(std::string_view(text).substr(begin, end - begin));
    if (!id)
      throw CLI::ValidationError(option, "expected token ids with commas between, found '" + text + "'");
    ids.push_back(*id);
    begin = end + 1;
  }
  return ids;
}

std::pair<TokenId, double> parse_logit_bias(const std::string& option, const std::string& text) {
  const std::size_t at = std::min(text.find('='), text.size());
  const auto token = parse<TokenId>(std::string_view(text).substr(0, at));
  const auto bias = parse<double>(std::string_view(text).substr(std::min(at + 1, text.size())));
  if (!token || !bias) throw CLI::ValidationError(option, "expected TOKEN=BIAS, found '" + text + "'");
  return {*token, *bias};
}

}  // namespace tramontane::cli
