#include "checkpoint/shape.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace tramontane {

std::optional<std::uint64_t> bytes_of(const Shape& shape, std::size_t element_bytes) {
  auto product = static_cast<std::int64_t>(element_bytes);
  bool overflow = false;
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) {
      empty = true;  // but the other sizes must make sense all the same
    } else if (__builtin_mul_overflow(product, size, &product)) {
      overflow = true;
    }
  }
  if (overflow) return std::nullopt;
  return empty ? 0 : static_cast<std::uint64_t>(product);
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace tramontane
