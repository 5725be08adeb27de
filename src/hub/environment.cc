#include "hub/environment.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string_view>
#include <system_error>

#include "core/fail.h"
#include "core/mapped_file.h"

namespace tramontane::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPublicHub = "https://huggingface.co";
constexpr std::size_t kLongestToken = 4096;

/// An empty variable counts as one that is not set.
std::string text_of(const GetVariable& variable, const char* name) {
  const char* value = variable(name);
  return value == nullptr ? "" : value;
}

bool is_true(const GetVariable& variable, const char* name) {
  std::string value = text_of(variable, name);
  std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return std::toupper(c); });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

/// A path, in which "~" at its start stands for the home folder.
fs::path path_of(const GetVariable& variable, const char* name) {
  const std::string value = text_of(variable, name);
  if (value == "~" || value.starts_with("~/")) return fs::path(text_of(variable, "HOME") + value.substr(1));
  return value;
}

fs::path home(const GetVariable& variable) {
  if (auto path = path_of(variable, "HF_HOME"); !path.empty()) return path;
  if (auto path = path_of(variable, "XDG_CACHE_HOME"); !path.empty()) return path / "huggingface";
  const std::string user = text_of(variable, "HOME");
  if (user.empty())
    fail("HOME: expected the home folder, found nothing; set HF_HOME to where models shall be kept");
  return fs::path(user) / ".cache" / "huggingface";
}

std::string endpoint(const GetVariable& variable) {
  std::string url = text_of(variable, "HF_ENDPOINT");
  if (url.empty()) return kPublicHub;
  while (url.ends_with('/')) url.pop_back();
  const bool printable_url = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (!printable_url || !(url.starts_with("https://") || url.starts_with("http://"))) {
    fail("HF_ENDPOINT: expected a URL with http or https, found {}", printable(url));
  }
  if (url.find('@') != url.npos)
    fail("HF_ENDPOINT: expected a URL without a user's name and password; see HF_TOKEN");
  return url;
}

std::string token(const GetVariable& variable) {
  std::string source = "HF_TOKEN";
  std::string text = text_of(variable, source.c_str());
  if (text.empty() && !is_true(variable, "HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
    fs::path file = path_of(variable, "HF_TOKEN_PATH");
    if (file.empty()) file = home(variable) / "token";
    std::error_code error;
    if (!fs::exists(file, error)) return "";
    text = read_text(file, kLongestToken);
    source = file.string();
  }
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  text.erase(std::find_if_not(text.rbegin(), text.rend(), is_space).base(), text.end());
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
    fail("{}: expected a token, found text with spaces or characters that no token has", source);
  }
  return text;
}

int timeout_seconds(const GetVariable& variable, int standard) {
  const std::string text = text_of(variable, "HF_HUB_DOWNLOAD_TIMEOUT");
  if (text.empty()) return standard;
  int seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 || seconds > 86400) {
    fail("HF_HUB_DOWNLOAD_TIMEOUT: expected seconds from 1 to 86400, found {}", printable(text));
  }
  return seconds;
}

}  // namespace

fs::path cache_folder(const GetVariable& variable) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (auto path = path_of(variable, name); !path.empty()) return path;
  }
  return home(variable) / "hub";
}

Environment read_environment(const GetVariable& variable) {
  Environment environment;
  environment.endpoint = endpoint(variable);
  environment.cache = cache_folder(variable);
  environment.token = token(variable);
  environment.certificates = text_of(variable, "SSL_CERT_FILE");
  environment.timeout_seconds = timeout_seconds(variable, environment.timeout_seconds);
  environment.offline = is_true(variable, "HF_HUB_OFFLINE");
  environment.symlinks = !is_true(variable, "HF_HUB_DISABLE_SYMLINKS");
  environment.progress = !is_true(variable, "HF_HUB_DISABLE_PROGRESS_BARS");
  return environment;
}

}  // namespace tramontane::hub
