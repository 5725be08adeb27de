#include "hub/listing.h"

#include <cstdint>
#include <set>

#include "checkpoint/json.h"
#include "core/fail.h"
#include "hub/model_name.h"

namespace tramontane::hub {
namespace {

constexpr std::size_t kMostFiles = 100'000;
constexpr std::int64_t kLargestFile = std::int64_t{1} << 45;  // so many of such sizes add up in 63 bits

std::string hex_field(const Fields& fields, const char* key, std::size_t size) {
  const auto text = fields.string(key);
  if (!text || !is_hex(*text, size)) fields.wrong(key, fmt::format("{} hexadecimal digits", size));
  return *text;
}

RemoteFile parse_file(const Fields& fields, const std::string& source) {
  RemoteFile file;
  const auto name = fields.string("rfilename");
  if (!name) fields.wrong("rfilename", "a file's name");
  check_file_name(*name, source);
  file.name = *name;
  if (const auto lfs = fields.object("lfs")) {
    file.content = {DigestKind::sha256, hex_field(*lfs, "sha256", 64),
                    lfs->need_integer("size", 0, kLargestFile)};
  } else {
    file.content = {DigestKind::git_sha1, hex_field(fields, "blobId", 40),
                    fields.need_integer("size", 0, kLargestFile)};
  }
  return file;
}

}  // namespace

Listing parse_listing(std::string_view json, const std::string& source) {
  const nlohmann::json parsed = parse_json(json, source);
  const Fields fields(parsed, source);
  Listing listing;
  listing.commit = hex_field(fields, "sha", 40);
  const nlohmann::json* siblings = fields.find("siblings");
  if (siblings == nullptr || !siblings->is_array() || siblings->size() > kMostFiles) {
    fields.wrong("siblings", fmt::format("a list of at most {} files", kMostFiles));
  }
  std::set<std::string_view> names;
  listing.files.reserve(siblings->size());  // the names are viewed
  for (std::size_t i = 0; i < siblings->size(); i++) {
    const Fields file((*siblings)[i], source, fmt::format("siblings[{}].", i));
    listing.files.push_back(parse_file(file, source));
    if (!names.insert(listing.files.back().name).second) {
      fail("{}: file {} is there twice", source, printable(listing.files.back().name));
    }
  }
  return listing;
}

}  // namespace tramontane::hub
