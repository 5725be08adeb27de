#include <curl/urlapi.h>
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "core/fail.h"
#include "hub/http.h"

namespace tramontane::hub {
namespace {

using Url = std::unique_ptr<CURLU, void (*)(CURLU*)>;

Url parse(const std::string& text) {
  Url url(curl_url(), curl_url_cleanup);
  if (!url) throw std::bad_alloc();
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    fail("expected a URL, found {}", printable_url(text));
  }
  return url;
}

std::string part(const Url& url, CURLUPart which) {
  char* text = nullptr;
  const unsigned int flags = which == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

std::string printable_url(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("//");
  const std::size_t host = scheme == url.npos ? 0 : scheme + 2;
  const std::string_view authority = url.substr(host, url.find('/', host) - host);
  const std::size_t at = authority.rfind('@');
  if (at == authority.npos) return printable(url);
  return printable(std::string(url.substr(0, host)) + std::string(url.substr(host + at + 1)));
}

Origin origin_of(const std::string& text) {
  const Url url = parse(text);
  Origin origin{part(url, CURLUPART_SCHEME), part(url, CURLUPART_HOST), part(url, CURLUPART_PORT)};
  if ((origin.scheme != "http" && origin.scheme != "https") || origin.host.empty()) {
    fail("expected a URL with http or https, found {}", printable_url(text));
  }
  for (char& c : origin.host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return origin;
}

std::string redirect_target(const std::string& from, const std::string& location) {
  const Url url = parse(from);
  if (location.empty() ||
      curl_url_set(url.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK) {
    fail("{}: expected a URL to go on to, found {}", printable_url(from), printable_url(location));
  }
  std::string target = part(url, CURLUPART_URL);
  if (origin_of(from).scheme == "https" && origin_of(target).scheme != "https") {
    fail("{}: expected a redirect to https, found {}", printable_url(from), printable_url(target));
  }
  origin_of(target);
  return target;
}

std::string url_encode(std::string_view path, bool keep_slashes) {
  std::string text;
  for (const char c : path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool plain = letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain || (c == '/' && keep_slashes)) {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  const auto take = [&](std::string_view prefix) {
    const bool there = text.starts_with(prefix);
    if (there) text.remove_prefix(prefix.size());
    return there;
  };
  const auto number = [&](std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
  };
  ContentRange range{};
  if (!take("bytes ") || !number(range.first) || !take("-") || !number(range.last) || !take("/") ||
      range.last < range.first) {
    return std::nullopt;
  }
  if (text == "*") return range;
  std::int64_t total = 0;
  if (!number(total) || !text.empty()) return std::nullopt;
  range.total = total;
  return range;
}

}  // namespace tramontane::hub
