#pragma once
#include <string>

namespace tramontane::cli {

/// The text of a prompt file (also a pipe), or of standard input, without one final newline. Throws Error
/// when it cannot be read or is longer than any context could be.
std::string read_prompt_file(const std::string& path);
std::string read_standard_input();

}  // namespace tramontane::cli
