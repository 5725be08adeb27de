#pragma once
#include <string>
#include <vector>

#include "checkpoint/gguf_fields.h"

namespace tramontane {

/// The embedded tokenizer as a tokenizer.model that encodes identically, where it is of the SentencePiece
/// kind (tokenizer.ggml.model "llama"). Empty, and a line in `warnings` that says why, for other kinds and
/// where the metadata are no SentencePiece model that Tokenizer accepts. Throws Error for keys of a wrong
/// type.
std::string gguf_tokenizer(const GgufFields& fields, std::vector<std::string>& warnings);

}  // namespace tramontane
