#pragma once
#include <optional>
#include <string>
#include <string_view>

// Names that become parts of URLs and of paths. Nothing that passes these checks can lead out of a folder.
namespace tramontane::hub {

/// A model on the hub, at a branch, tag or commit of its repository.
struct ModelName {
  std::string repo;  // "OWNER/NAME"
  std::string revision = "main";
};

/// "OWNER/NAME" or "OWNER/NAME@REVISION", by the hub's rules for names: letters, digits and ._- , neither
/// ".." nor "--", no . or - at an end, at most 96 characters. Throws Error for anything else.
ModelName parse_model_name(std::string_view text);

/// The same; none instead of an error.
std::optional<ModelName> try_parse_model_name(std::string_view text);

/// Throws Error unless `revision` is a name that git allows for a branch or tag, or a commit.
void check_revision(std::string_view revision);

/// 40 hexadecimal digits in lower case: what snapshots are called.
bool is_commit(std::string_view text);

/// `size` hexadecimal digits in lower case.
bool is_hex(std::string_view text, std::size_t size);

/// Throws Error, naming `source`, unless `name` is a plain relative path: UTF-8 without control characters
/// and backslashes, no part of it empty, ".", ".." or longer than file systems take.
void check_file_name(std::string_view name, const std::string& source);

}  // namespace tramontane::hub
