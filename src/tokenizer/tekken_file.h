#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/byte_vocabulary.h"

namespace tramontane {

/// The largest tekken.json that is read, in bytes. Those there are have 15 to 20 MB.
constexpr std::size_t kLargestTekkenFile = 64 << 20;

/// The contents of a tekken.json, checked.
struct TekkenFile {
  std::string version;                      // "v3", ...
  std::string model_settings;               // the JSON of model_settings_builder; empty: none
  std::string pattern;                      // the expression that cuts texts into pieces
  std::vector<std::string> special_tokens;  // ids 0, 1, ...; different from each other
  ByteVocabulary vocabulary;  // the ids after these, lower ones to be merged first; starts with the 256 bytes
};

/// Reads untrusted bytes. Throws Error naming `name`, the key, what was expected and what was found.
TekkenFile read_tekken_file(std::string_view bytes, const std::string& name);

}  // namespace tramontane
