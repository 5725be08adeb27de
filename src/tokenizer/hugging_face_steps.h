#pragma once
#include <initializer_list>
#include <string_view>
#include <vector>

#include "checkpoint/json.h"
#include "tokenizer/hugging_face_file.h"

// The steps that a tokenizer.json declares around its model. Each function reads the key of that name from
// the file's top and throws Error, naming the key, for what it cannot follow exactly.
namespace tramontane {

std::vector<NormalizerStep> read_normalizer(const Fields& top);
PreTokenizerSteps read_pre_tokenizer(const Fields& top);
DecoderSteps read_decoder(const Fields& top);
EndTokens read_post_processor(const Fields& top);

/// Throws for a key of `fields` that is not among `known`.
void allow_only(const Fields& fields, std::initializer_list<std::string_view> known);

}  // namespace tramontane
