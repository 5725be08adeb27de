#pragma once
#include <string>

namespace tramontane::cli {

/// All of a text file (also a pipe; "-": standard input). Throws Error when it cannot be read or is longer
/// than the tokenizer takes.
std::string read_text(const std::string& path);

/// Editors end a file with a newline that its author did not mean.
std::string without_final_newline(std::string text);

}  // namespace tramontane::cli
