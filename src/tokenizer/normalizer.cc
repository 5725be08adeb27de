#include "tokenizer/normalizer.h"

#include "core/fail.h"

namespace tramontane {

std::string normalize(std::string text, const std::vector<NormalizerStep>& steps) {
  constexpr std::size_t kLongest = 64 << 20;  // bytes; texts have up to 16 MiB
  for (const NormalizerStep& step : steps) {
    if (!step.from.empty()) {
      text = replace_all(text, step.from, step.to);
    } else if (!text.empty()) {
      text.insert(0, step.to);
    }
    if (text.size() > kLongest) {
      fail("prompt: expected at most {} bytes after the tokenizer's normalizer, found {}", kLongest,
           text.size());
    }
  }
  return text;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string replaced;
  replaced.reserve(text.size() + text.size() / 2);
  for (std::size_t at; (at = text.find(from)) != std::string_view::npos;) {
    replaced += text.substr(0, at);
    replaced += to;
    text.remove_prefix(at + from.size());
  }
  return replaced.append(text);
}

}  // namespace tramontane
