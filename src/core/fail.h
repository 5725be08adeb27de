#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "tramontane/error.h"

namespace tramontane {

/// `text` with control characters spelled out, so that untrusted names can neither break a line nor steer a
/// terminal.
std::string one_line(std::string_view text);

/// Throws Error with the formatted text, as one line.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(one_line(fmt::format(text, std::forward<Args>(args)...)));
}

/// Untrusted text made fit for one line of an error message: printable, in quotes, at most about 80
/// characters.
std::string printable(std::string_view text);

/// "4.1 GB", "12.5 MB", "96 B": decimal units.
std::string human_bytes(double bytes);

}  // namespace tramontane
