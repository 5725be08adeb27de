#include "hub/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <exception>
#include <mutex>
#include <new>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

constexpr int kMostRedirects = 10;
constexpr long kSlowest = 1000;                   // bytes per second; less for the timeout counts as stopped
constexpr std::size_t kLongestRefusal = 1 << 16;  // of an answer that is not wanted
constexpr std::size_t kLongestHeader = 1 << 20;   // of all lines together

// Only these are kept, so that a peer cannot fill the memory with others.
constexpr std::array kHeaders = {"content-encoding", "content-length", "content-range",   "location",
                                 "retry-after",      "x-error-code",   "x-error-message", "x-linked-etag",
                                 "x-linked-size",    "x-repo-commit"};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string_view trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

template <class T>
void set(CURL* curl, CURLoption option, T value) {
  const CURLcode code = curl_easy_setopt(curl, option, value);
  if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code != CURLE_OK)
    fail("libcurl: cannot set option {}: {}", static_cast<int>(option), curl_easy_strerror(code));
}

class HeaderList {
 public:
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list_); }
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

const std::string& HttpResponse::header(const std::string& name) const {
  static const std::string none;
  const auto at = headers.find(name);
  return at == headers.end() ? none : at->second;
}

struct HttpClient::Transfer {
  CURL* curl;
  HttpResponse& response;
  const Sink& sink;
  const Stop& stop;
  std::size_t refused = 0;  // bytes of an unwanted body
  std::size_t header_bytes = 0;
  bool enough = false;          // no more of the body is wanted
  std::exception_ptr thrown{};  // by the sink; libcurl is C

  void update_status() {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
  }

  bool take(std::string_view bytes) {
    update_status();
    if (response.status == 200 || response.status == 206) {
      enough = !sink(response, bytes);
    } else {
      refused += bytes.size();
      enough = refused > kLongestRefusal;
    }
    return !enough;
  }

  void take_header(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return;
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (std::find(kHeaders.begin(), kHeaders.end(), name) == kHeaders.end()) return;
    response.headers[name] = trim(line.substr(colon + 1));
  }

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      return transfer.take({data, size}) ? size : 0;
    } catch (...) {
      transfer.thrown = std::current_exception();
      return 0;
    }
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    try {
      transfer.header_bytes += size;
      transfer.take_header({data, size});
      return transfer.header_bytes > kLongestHeader ? 0 : size;
    } catch (...) {
      transfer.thrown = std::current_exception();
      return 0;
    }
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->stop() ? 1 : 0;
  }
};

HttpClient::HttpClient(HttpOptions options, Stop stop)
    : options_(std::move(options)), stop_(std::move(stop)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  curl_ = curl_easy_init();
  if (curl_ == nullptr) throw std::bad_alloc();
}

HttpClient::~HttpClient() { curl_easy_cleanup(curl_); }

HttpResponse HttpClient::get(std::string url, const std::string& range, const Sink& sink) {
  HttpResponse response;
  response.url = std::move(url);
  for (int hop = 0;; hop++) {
    Transfer transfer{.curl = curl_, .response = response, .sink = sink, .stop = stop_};
    perform(transfer, range);
    if (!is_redirect(response.status)) return response;
    if (hop == kMostRedirects) {
      fail("{}: expected an answer, found more than {} redirects", printable_url(response.url),
           kMostRedirects);
    }
    response.url = redirect_target(response.url, response.header("location"));
    std::erase_if(response.headers, [](const auto& header) { return !header.first.starts_with("x-"); });
  }
}

void HttpClient::perform(Transfer& transfer, const std::string& range) {
  const std::string& url = transfer.response.url;
  HeaderList headers;
  headers.add("Accept-Encoding: identity");
  if (!options_.token.empty() && origin_of(url) == origin_of(options_.token_url)) {
    headers.add("Authorization: Bearer " + options_.token);
  }
  std::array<char, CURL_ERROR_SIZE> message{};
  curl_easy_reset(curl_);  // the connections stay
  set(curl_, CURLOPT_URL, url.c_str());
  set(curl_, CURLOPT_PROTOCOLS_STR, "http,https");
  set(curl_, CURLOPT_NOSIGNAL, 1L);
  set(curl_, CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(curl_, CURLOPT_HTTPHEADER, headers.get());
  if (!range.empty()) set(curl_, CURLOPT_RANGE, range.c_str());
  if (!options_.certificates.empty()) set(curl_, CURLOPT_CAINFO, options_.certificates.c_str());
  set(curl_, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.timeout_seconds));
  set(curl_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.timeout_seconds));
  set(curl_, CURLOPT_LOW_SPEED_LIMIT, kSlowest);
  set(curl_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's are not the answer's
  set(curl_, CURLOPT_BUFFERSIZE, 1L << 18);
  set(curl_, CURLOPT_ERRORBUFFER, message.data());
  set(curl_, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(curl_, CURLOPT_WRITEDATA, &transfer);
  set(curl_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(curl_, CURLOPT_HEADERDATA, &transfer);
  set(curl_, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  set(curl_, CURLOPT_XFERINFODATA, &transfer);
  set(curl_, CURLOPT_NOPROGRESS, 0L);
  const CURLcode code = curl_easy_perform(curl_);
  curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, nullptr);
  transfer.update_status();
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (code == CURLE_OK || transfer.enough) return;
  if (code == CURLE_ABORTED_BY_CALLBACK) throw Stopped();
  const std::string reason = message[0] != '\0' ? message.data() : curl_easy_strerror(code);
  const bool hopeless = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
                        code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
  if (hopeless) fail("{}: {}", printable_url(url), reason);
  throw TransferError(reason);
}

}  // namespace tramontane::hub
