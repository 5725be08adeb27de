#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace tramontane::cli {

/// One line of JSON. Bytes that are not UTF-8 (a folder's name may hold any) become U+FFFD.
inline std::string json_line(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace tramontane::cli
