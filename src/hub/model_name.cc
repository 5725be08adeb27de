#include "hub/model_name.h"

#include <algorithm>
#include <cctype>

#include "core/fail.h"
#include "core/utf8.h"

namespace tramontane::hub {
namespace {

constexpr std::size_t kLongestRepo = 96;        // the hub's limit
constexpr std::size_t kLongestComponent = 255;  // of a path; what file systems take
constexpr std::size_t kLongestPath = 1024;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_repo_part(std::string_view part) {
  const auto allowed = [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; };
  const auto outer = [](char c) { return is_alphanumeric(c) || c == '_'; };
  return !part.empty() && std::all_of(part.begin(), part.end(), allowed) && outer(part.front()) &&
         outer(part.back());
}

bool is_repo(std::string_view text) {
  const std::size_t slash = text.find('/');
  return slash != text.npos && text.size() <= kLongestRepo && is_repo_part(text.substr(0, slash)) &&
         is_repo_part(text.substr(slash + 1)) && text.find("--") == text.npos &&
         text.find("..") == text.npos && !text.ends_with(".git");
}

// git-check-ref-format's rules for a part between slashes.
bool is_ref_part(std::string_view part) {
  constexpr std::string_view kForbidden = " ~^:?*[\\";
  return !part.empty() && part.front() != '.' && !part.ends_with('.') && !part.ends_with(".lock") &&
         part.find("..") == part.npos && part.find("@{") == part.npos &&
         part.find_first_of(kForbidden) == part.npos && std::none_of(part.begin(), part.end(), is_control);
}

template <class Predicate>
bool all_parts(std::string_view path, Predicate good) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (!good(path.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

bool is_revision(std::string_view text) {
  return text.size() <= kLongestComponent && text != "@" && text.front() != '-' &&
         all_parts(text, is_ref_part) && find_invalid_utf8(text) == text.npos;
}

}  // namespace

std::optional<ModelName> try_parse_model_name(std::string_view text) {
  const std::size_t at = text.find('@');
  if (!is_repo(text.substr(0, at))) return std::nullopt;
  ModelName name{.repo = std::string(text.substr(0, at))};
  if (at != text.npos) name.revision = text.substr(at + 1);
  if (name.revision.empty() || !is_revision(name.revision)) return std::nullopt;
  return name;
}

ModelName parse_model_name(std::string_view text) {
  auto name = try_parse_model_name(text);
  if (!name)
    fail("expected a model's name on the hub, OWNER/NAME or OWNER/NAME@REVISION, found {}", printable(text));
  return *name;
}

void check_revision(std::string_view revision) {
  if (revision.empty() || !is_revision(revision)) {
    fail("expected a branch, tag or commit as the revision, found {}", printable(revision));
  }
}

bool is_hex(std::string_view text, std::size_t size) {
  return text.size() == size && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_commit(std::string_view text) { return is_hex(text, 40); }

void check_file_name(std::string_view name, const std::string& source) {
  const auto good = [](std::string_view part) {
    return !part.empty() && part.size() <= kLongestComponent && part != "." && part != "..";
  };
  if (name.size() > kLongestPath || !all_parts(name, good) || find_invalid_utf8(name) != name.npos ||
      std::any_of(name.begin(), name.end(), [](char c) { return is_control(c) || c == '\\'; })) {
    fail("{}: expected the name of a file in a folder, found {}", source, printable(name));
  }
}

}  // namespace tramontane::hub
