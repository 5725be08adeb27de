#pragma once
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

// Which file of a folder is its tokenizer, which kind it is of, and for which of Mistral's instruct formats.
namespace tramontane {

enum class TokenizerFormat { tekken, sentencepiece, hugging_face };

/// By the file's name, with or without its folder: tekken*.json is tekken, any other *.json Hugging Face's
/// tokenizer.json, and the rest SentencePiece.
TokenizerFormat format_of_name(std::string_view path);

/// The most bytes that such a file may have.
std::size_t largest_file(TokenizerFormat format);

/// See Tokenizer::find.
std::filesystem::path find_tokenizer_file(const std::filesystem::path& folder);

/// The names of the tokens that texts begin and end with; empty: not known.
struct EndTokens {
  std::string bos, eos;
};

/// Those that the tokenizer_config.json of a folder names, else its special_tokens_map.json. Throws Error for
/// such a file that cannot be read.
EndTokens read_end_tokens(const std::filesystem::path& folder);

/// Mistral's names for its instruct formats: "v1", "v2", "v3", "v7", "v11", "v13", "v15".
bool is_version(std::string_view text);

/// "v3" of tokenizer.model.v3 and "v7" of tokenizer.model.v7m1; empty for other names.
std::string version_of_name(std::string_view path);

/// The version of a vocabulary that does not name its own, by the control tokens that each added (see
/// Tokenizer::version); empty for one that has none of them.
std::string version_of_control_tokens(const std::function<bool(std::string_view)>& has);

}  // namespace tramontane
