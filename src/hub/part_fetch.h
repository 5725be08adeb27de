#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "hub/assembly.h"
#include "hub/remote.h"

namespace tramontane::hub {

/// Fetches what is missing of a part, in as many attempts as it takes, and checks what the answers say of
/// the file. `on_bytes` is told of what came. Throws Error, Stopped.
void fetch_part(const Remote& remote, HttpClient& client, const std::string& commit, const RemoteFile& file,
                Assembly& assembly, std::size_t part, const std::function<void(std::int64_t)>& on_bytes);

}  // namespace tramontane::hub
