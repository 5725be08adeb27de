#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tramontane {

/// The bytes that `text` stands for in the base64 of RFC 4648 with its padding; nothing for any other text.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace tramontane
