#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "hub/file_lock.h"

// HTTP as the hub needs it: GET, byte ranges, redirects. Answers are untrusted.
namespace tramontane::hub {

/// A URL for messages: without query, fragment and user, which may hold what gives access.
std::string printable_url(std::string_view url);

/// The parts of a URL that decide who gets to see the token. Throws Error unless it is a URL with http or
/// https and a host.
struct Origin {
  std::string scheme, host, port;
  bool operator==(const Origin&) const = default;
};
Origin origin_of(const std::string& url);

/// Where the `location` of a redirect from `url` leads, which may be relative. Throws Error when that is not
/// http or https, or plain http after https.
std::string redirect_target(const std::string& url, const std::string& location);

/// `path` with all but letters, digits, "-._~" and, if so wished, "/" as %XX.
std::string url_encode(std::string_view path, bool keep_slashes);

/// "bytes 0-9/100" of a Content-Range; none when it is something else.
struct ContentRange {
  std::int64_t first, last;
  std::optional<std::int64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view text);

struct HttpResponse {
  int status = 0;
  std::string url;                             // the last one, after redirects
  std::map<std::string, std::string> headers;  // those that matter, by name in lower case

  /// A header's value; empty when it did not come.
  const std::string& header(const std::string& name) const;
};

/// The peer could not be reached, cut the connection, or stopped sending: trying again may help.
class TransferError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct HttpOptions {
  std::string user_agent;
  std::string token;  // sent to the origin of `token_url` alone; empty: none
  std::string token_url;
  std::string certificates;  // a file; empty: the system's
  int timeout_seconds = 10;
};

/// Connections of one thread, kept open between requests. Not thread-safe.
class HttpClient {
 public:
  /// Gets the body of an answer with status 200 or 206 piece by piece; false: no more of it is wanted.
  using Sink = std::function<bool(const HttpResponse&, std::string_view)>;

  HttpClient(HttpOptions options, Stop stop);
  ~HttpClient();

  /// GET, following up to ten redirects. `range`: as in "Range: bytes=0-9", empty for all. The response's
  /// headers are those of the whole way, later ones before earlier ones. Throws TransferError, Stopped,
  /// whatever `sink` throws, and Error for redirects that must not be followed.
  HttpResponse get(std::string url, const std::string& range, const Sink& sink);

 private:
  struct Transfer;
  void perform(Transfer& transfer, const std::string& range);

  HttpOptions options_;
  Stop stop_;
  void* curl_;  // a CURL handle
};

}  // namespace tramontane::hub
