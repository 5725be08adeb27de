#include "core/fail.h"

#include <algorithm>
#include <array>

#include "core/utf8.h"

namespace tramontane {

std::string one_line(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = control_length(text);
    for (const char c : text.substr(0, length)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
    if (length == 0) out += text.front();
    text.remove_prefix(std::max<std::size_t>(1, length));
  }
  return out;
}

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string out = "'";
  for (char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (text.size() > kLongest ? "...'" : "'");
}

std::string human_bytes(double bytes) {
  constexpr std::array<const char*, 5> units = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < units.size()) {
    bytes /= 1000;
    unit++;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.3g} {}", bytes, units[unit]);
}

}  // namespace tramontane
