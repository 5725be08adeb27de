#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/mapped_file.h"
#include "support/error_of.h"
#include "tramontane/tokenizer.h"

// The tokenizers of tests/data: a real one, and small ones that differ in every option that decoding depends
// on.
namespace tramontane {

inline std::filesystem::path test_data() { return TEST_DATA; }

inline std::vector<std::filesystem::path> model_paths() {
  std::vector<std::filesystem::path> paths = {test_data() / "stories260k/tokenizer.model"};
  for (const char* name :
       {"bpe_bytes", "bpe_trim", "unigram_bytes", "unigram_trim", "bpe_suffix", "word", "character"}) {
    paths.push_back(test_data() / "tokenizers" / (std::string(name) + ".model"));
  }
  return paths;
}

inline std::string read_model(const std::filesystem::path& path) { return read_text(path, 1 << 20); }

inline Tokenizer load_model_file(const std::filesystem::path& path) {
  return Tokenizer::from_bytes(read_model(path), path.filename().string());
}

/// The text of `ids`, decoded one at a time.
inline std::string stream(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const TokenId id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

/// A parameterised test's name for a model.
inline std::string model_test_name(const ::testing::TestParamInfo<std::filesystem::path>& of) {
  return of.param.stem() == "tokenizer" ? "stories260k" : of.param.stem().string();
}

using testing::error_of;

}  // namespace tramontane
