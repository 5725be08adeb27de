#include "tokenizer/symbols.h"

#include <algorithm>

namespace tramontane {

Symbols::Symbols(std::vector<std::string> symbols) : symbols_(std::move(symbols)) {
  std::sort(symbols_.begin(), symbols_.end());
  for (std::size_t i = 0; i < symbols_.size(); i++) {
    std::size_t shorter = i;
    if (i > 0) {
      shorter = i - 1;  // or one that it starts with in turn
      while (!symbols_[i].starts_with(symbols_[shorter])) {
        if (shorter_[shorter] == shorter) {
          shorter = i;
          break;
        }
        shorter = shorter_[shorter];
      }
    }
    shorter_.push_back(shorter);
    starts_one_[static_cast<unsigned char>(symbols_[i][0])] = true;
  }
}

Symbols::Found Symbols::find(std::string_view text) const {
  if (symbols_.empty()) return {text.size(), {}};
  for (std::size_t at = 0; at < text.size(); at++) {
    if (!starts_one_[static_cast<unsigned char>(text[at])]) continue;
    if (const std::string_view symbol = longest_at_start(text.substr(at)); !symbol.empty())
      return {at, symbol};
  }
  return {text.size(), {}};
}

/// Those that the text starts with come before it in order, and what lies between starts with them too.
std::string_view Symbols::longest_at_start(std::string_view text) const {
  const auto after = std::upper_bound(symbols_.begin(), symbols_.end(), text);
  if (after == symbols_.begin()) return {};
  auto candidate = static_cast<std::size_t>(after - symbols_.begin()) - 1;
  while (!text.starts_with(symbols_[candidate])) {
    if (shorter_[candidate] == candidate) return {};
    candidate = shorter_[candidate];
  }
  return symbols_[candidate];
}

}  // namespace tramontane
