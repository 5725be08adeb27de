#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "hub/digest.h"

namespace tramontane::hub {

struct RemoteFile {
  std::string name;  // a relative path with "/", checked
  Content content;
};

/// What a repository holds at one commit.
struct Listing {
  std::string commit;  // 40 hexadecimal digits
  std::vector<RemoteFile> files;
};

/// Reads the hub's answer to /api/models/REPO/revision/REVISION?blobs=true, which is untrusted: names are
/// safe to use below a folder, sizes can be added up. Throws Error naming `source` and the field.
Listing parse_listing(std::string_view json, const std::string& source);

}  // namespace tramontane::hub
