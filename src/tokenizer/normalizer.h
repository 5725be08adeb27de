#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tramontane {

/// A step of a tokenizer.json's normalizer: it puts `to` in place of each `from`, or, where that is empty,
/// before a text that is not empty.
struct NormalizerStep {
  std::string from, to;
};

/// `text` after all steps. Throws Error when they make it longer than any text is that spaces alone lengthen.
std::string normalize(std::string text, const std::vector<NormalizerStep>& steps);

/// `text` with `to` in place of each `from`, which is not empty, from left to right.
std::string replace_all(std::string_view text, std::string_view from, std::string_view to);

}  // namespace tramontane
