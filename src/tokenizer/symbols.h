#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tramontane {

/// A model's user-defined symbols, which are one token wherever they stand in a text, the longest first.
/// Immutable, so safe to use from several threads at once.
class Symbols {
 public:
  explicit Symbols(std::vector<std::string> symbols);

  struct Found {
    std::size_t begin;        // the text's size: there is none
    std::string_view symbol;  // a view into this object
  };
  /// The first in `text`, which is valid UTF-8.
  Found find(std::string_view text) const;

 private:
  std::string_view longest_at_start(std::string_view text) const;

  std::vector<std::string> symbols_;    // sorted
  std::vector<std::size_t> shorter_;    // of each, the longest other that it starts with; none: itself
  std::array<bool, 256> starts_one_{};  // by byte
};

}  // namespace tramontane
