#include <cstdint>
#include <filesystem>

#include "check_message.h"
#include "hub/listing.h"
#include "hub/select.h"

/// Any bytes as the hub's list of files: an Error, or names that stay below a folder and sizes that add up.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tramontane;
  try {
    const hub::Listing listing =
        hub::parse_listing({reinterpret_cast<const char*>(data), size}, "the hub's list of files");
    std::int64_t bytes = 0;
    for (const hub::RemoteFile& file : listing.files) {
      const std::filesystem::path path = std::filesystem::path("/cache") / file.name;
      if (path.lexically_normal() != path || !path.string().starts_with("/cache/")) __builtin_trap();
      if (file.content.digest.find_first_not_of("0123456789abcdef") != std::string::npos) __builtin_trap();
      if (file.content.size < 0 || __builtin_add_overflow(bytes, file.content.size, &bytes)) __builtin_trap();
    }
    if (hub::select_files(listing, {}, "a/b").empty()) __builtin_trap();
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
