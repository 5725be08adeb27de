#pragma once
#include <stdexcept>

namespace tramontane {

/// The one exception type of the library. `what()` is a single line of printable text that names the file,
/// the tensor, key or option, what was expected there and what was found.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace tramontane
