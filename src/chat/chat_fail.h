#pragma once
#include <fmt/format.h>

#include <utility>

#include "core/fail.h"
#include "tramontane/chat.h"

namespace tramontane {

/// Throws ChatError with the formatted text, as one line.
template <class... Args>
[[noreturn]] void refuse(ChatErrorKind kind, fmt::format_string<Args...> text, Args&&... args) {
  throw ChatError(kind, one_line(fmt::format(text, std::forward<Args>(args)...)));
}

}  // namespace tramontane
