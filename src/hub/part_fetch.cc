#include "hub/part_fetch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

constexpr std::int64_t kProgress = 64 << 10;  // bytes that make an attempt more than nothing

/// An ETag without its quotes.
std::string_view unquoted(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') etag = etag.substr(1, etag.size() - 2);
  return etag;
}

/// One answer, written as it comes.
class Answer {
 public:
  Answer(const RemoteFile& file, const std::string& commit, Assembly& assembly, std::size_t part)
      : file_(file), commit_(commit), assembly_(assembly), part_(part), range_(assembly.missing(part)) {}

  bool nothing_missing() const { return range_.begin == range_.end; }
  bool all_of_file() const { return range_.begin == 0 && range_.end == file_.content.size; }
  std::string range_header() const {
    return all_of_file() ? "" : fmt::format("{}-{}", range_.begin, range_.end - 1);
  }
  std::int64_t received() const { return received_; }

  bool take(const HttpResponse& response, std::string_view bytes) {
    if (!std::exchange(started_, true)) start(response);
    const auto skipped = std::min(skip_, static_cast<std::int64_t>(bytes.size()));
    skip_ -= skipped;
    bytes.remove_prefix(static_cast<std::size_t>(skipped));
    const auto room = static_cast<std::size_t>(range_.end - range_.begin - received_);
    if (bytes.size() > room) {
      if (!cut_) {
        fail("{}: expected {} bytes, more of them come", printable(file_.name), range_.end - range_.begin);
      }
      bytes = bytes.substr(0, room);
    }
    assembly_.put(part_, bytes);
    received_ += static_cast<std::int64_t>(bytes.size());
    return !(cut_ && received_ == range_.end - range_.begin);
  }

  bool complete() const { return received_ == range_.end - range_.begin; }

 private:
  [[noreturn]] void wrong(const char* what, const std::string& expected, const std::string& found) const {
    fail("{}: expected {} {}, found {}", printable(file_.name), what, expected, printable(found));
  }

  void start(const HttpResponse& response) {
    const auto expect = [&](const char* header, const char* what, const std::string& expected) {
      const std::string found(unquoted(response.header(header)));
      if (!found.empty() && found != expected) wrong(what, expected, found);
    };
    const std::string size = std::to_string(file_.content.size);
    expect("x-repo-commit", "commit", commit_);
    expect("x-linked-size", "size", size);
    expect("x-linked-etag", "digest", file_.content.digest);
    expect("content-encoding", "encoding", "identity");
    if (response.status == 206) {
      start_range(response.header("content-range"));
      return;
    }
    expect("content-length", "size", size);
    skip_ = range_.begin;  // the range was ignored: all of the file comes
    cut_ = !all_of_file();
    if (range_.end != file_.content.size) {
      fail(
          "{}: expected an answer to a request for a part of the file, found all of it; --jobs 1 asks for no "
          "parts",
          printable(file_.name));
    }
  }

  void start_range(const std::string& header) {
    const auto range = parse_content_range(header);
    if (!range || range->first != range_.begin || range->last + 1 != range_.end) {
      wrong("bytes", fmt::format("{}-{}", range_.begin, range_.end - 1), header);
    }
    if (range->total && *range->total != file_.content.size) {
      wrong("size", std::to_string(file_.content.size), std::to_string(*range->total));
    }
  }

  const RemoteFile& file_;
  const std::string& commit_;
  Assembly& assembly_;
  std::size_t part_;
  Assembly::Range range_;
  std::int64_t received_ = 0;
  std::int64_t skip_ = 0;  // bytes of the answer that come before the range
  bool cut_ = false;       // the answer holds more than the range
  bool started_ = false;
};

}  // namespace

void fetch_part(const Remote& remote, HttpClient& client, const std::string& commit, const RemoteFile& file,
                Assembly& assembly, std::size_t part, const std::function<void(std::int64_t)>& on_bytes) {
  const std::string url = remote.file_url(commit, file.name);
  retry(printable(file.name), remote.retry, [&]() -> std::optional<Trouble> {
    Answer answer(file, commit, assembly, part);
    if (answer.nothing_missing()) return std::nullopt;
    std::optional<Trouble> trouble;
    try {
      const auto take = [&](const HttpResponse& response, std::string_view bytes) {
        const std::int64_t before = answer.received();
        const bool more = answer.take(response, bytes);
        on_bytes(answer.received() - before);
        return more;
      };
      trouble = remote.check(client.get(url, answer.range_header(), take), "file " + printable(file.name));
      if (!trouble) trouble = Trouble{.reason = "the answer ended too early"};
    } catch (const TransferError& error) {
      trouble = Trouble{.reason = error.what()};
    }
    if (answer.complete()) return std::nullopt;
    trouble->progressed = answer.received() >= kProgress;
    return trouble;
  });
}

}  // namespace tramontane::hub
