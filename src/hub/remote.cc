#include "hub/remote.h"

#include <algorithm>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

constexpr std::size_t kLongestListing = 32 << 20;  // bytes
const char* const kUserAgent = "tramontane/" TRAMONTANE_VERSION;

}  // namespace

HttpClient Remote::client() const {
  return HttpClient({.user_agent = kUserAgent,
                     .token = environment.token,
                     .token_url = environment.endpoint,
                     .certificates = environment.certificates,
                     .timeout_seconds = environment.timeout_seconds},
                    retry.stop);
}

std::string Remote::file_url(const std::string& commit, const std::string& file) const {
  return fmt::format("{}/{}/resolve/{}/{}", environment.endpoint, model.repo, commit, url_encode(file, true));
}

Listing Remote::list() const {
  const std::string url = fmt::format("{}/api/models/{}/revision/{}?blobs=true", environment.endpoint,
                                      model.repo, url_encode(model.revision, false));
  HttpClient http = client();
  std::string body;
  const auto sink = [&](const HttpResponse&, std::string_view bytes) {
    body += bytes;
    if (body.size() > kLongestListing) {
      fail("{}: expected a list of files of at most {}, found more", model.repo,
           human_bytes(static_cast<double>(kLongestListing)));
    }
    return true;
  };
  hub::retry(model.repo, retry, [&]() -> std::optional<Trouble> {
    body.clear();
    try {
      return check(http.get(url, "", sink), "list of its files");
    } catch (const TransferError& error) {
      return Trouble{.reason = error.what()};
    }
  });
  return parse_listing(body, fmt::format("{}: the hub's list of files", model.repo));
}

std::optional<Trouble> Remote::check(const HttpResponse& response, const std::string& what) const {
  const int status = response.status;
  if (status == 200 || status == 206) return std::nullopt;
  const std::string host = origin_of(response.url).host;
  constexpr std::array kTransient = {408, 425, 429, 500, 502, 503, 504};
  if (std::find(kTransient.begin(), kTransient.end(), status) != kTransient.end()) {
    return Trouble{.reason = fmt::format("{} answers {}", host, status),
                   .wait_seconds = parse_retry_after(response.header("retry-after"))};
  }
  const std::string& code = response.header("x-error-code");
  const std::string& text = response.header("x-error-message");
  const std::string words = text.empty() ? "" : fmt::format(" ({})", printable(text));
  const bool token = !environment.token.empty();
  if (code == "GatedRepo") {
    fail(
        "{}: the model is gated: accept its terms at {}/{}{}{}", model.repo, environment.endpoint, model.repo,
        token ? " with the account that HF_TOKEN belongs to" : " and set HF_TOKEN to a token of your account",
        words);
  }
  if (code == "RevisionNotFound") {
    fail("{}: the hub knows the model, but no revision {}", model.repo, printable(model.revision));
  }
  if (status == 401 && token) {
    fail(
        "{}: there is no such model, or the token of HF_TOKEN (or its file) is not valid or may not read "
        "it{}",
        model.repo, words);
  }
  if (status == 401 || (status == 404 && code == "RepoNotFound")) {
    fail("{}: there is no such model, or it is private{}{}", model.repo,
         token ? "" : ": set HF_TOKEN to a token that may read it", words);
  }
  if (status == 403) fail("{}: {} forbids access{}; check what HF_TOKEN may read", model.repo, host, words);
  if (status == 404) fail("{}: {} has no {}{}", model.repo, host, what, words);
  fail("{}: expected the {} from {}, found HTTP status {}{}", model.repo, what, host, status, words);
}

}  // namespace tramontane::hub
