#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tramontane/tokenizer.h"

namespace tramontane {

/// What a tokenizer.json says of its vocabulary: the pieces by id, empty where it gives none. Of other
/// contents, which may be no JSON, none. Takes a fraction of the time that reading all of it takes.
std::vector<std::string> read_vocabulary(std::string_view bytes);

/// See Tokenizer::disagreements.
std::vector<std::string> find_disagreements(const Tokenizer& tokenizer, const std::filesystem::path& folder);

}  // namespace tramontane
