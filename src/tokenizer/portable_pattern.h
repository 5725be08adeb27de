#pragma once
#include <string_view>

namespace tramontane {

/// What of an expression for Oniguruma, which Hugging Face's tokenizers match with, PCRE2 may read otherwise;
/// empty when the two agree. They do on properties, sets, alternatives, quantifiers and looking around, which
/// is what tokenizers are made of; it is anchors, dots and the letters for words and lines that differ.
std::string_view read_differently(std::string_view expression);

}  // namespace tramontane
