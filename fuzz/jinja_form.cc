// Any bytes as a chat template: it has a form that grows with it alone, or a tag has no end; and a comment
// before it makes no difference.
#include "chat/jinja_form.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto form = tramontane::jinja_form(source);
  if (form && form->size() > 8 * size) std::abort();
  const bool starts_with_space =
      size > 0 && std::string_view(" \t\r\n").find(source[0]) != std::string_view::npos;
  if (!starts_with_space && tramontane::jinja_form("{# one #}" + std::string(source)) != form) std::abort();
  return 0;
}
