#include <charconv>
#include <limits>

#include "checkpoint/config_parts.h"
#include "core/fail.h"

namespace tramontane {
namespace {

constexpr const char* kExpected =
    "a number of tokens (an integer, perhaps as a string), or a list of them with nulls";

/// An integer or a string that spells one; null and 0: no window.
int parse_window(const nlohmann::json& value, const Fields& fields, const char* key) {
  constexpr auto kMost = std::numeric_limits<int>::max();
  if (value.is_null()) return 0;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() <= kMost) return value.get<int>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    int window = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), window);
    if (error == std::errc() && end == text.data() + text.size() && window >= 0) return window;
  }
  fields.wrong(key, kExpected);
}

/// A list shorter than the model repeats, as in Mistral's own program.
std::vector<int> parse_pattern(const nlohmann::json& list, int n_layers, const Fields& fields,
                               const char* key) {
  const auto layers = static_cast<std::size_t>(n_layers);
  if (list.empty() || layers % list.size() != 0) {
    fields.wrong(key, fmt::format("a list whose length divides the {} layers (its length is {})", n_layers,
                                  list.size()));
  }
  std::vector<int> windows(layers);
  for (std::size_t n = 0; n < layers; n++) windows[n] = parse_window(list[n % list.size()], fields, key);
  return windows;
}

/// Hugging Face's list of "sliding_attention" and "full_attention": where the window holds.
void apply_layer_types(const Fields& fields, std::vector<int>& windows) {
  constexpr const char* kKey = "layer_types";
  const auto* types = fields.find(kKey);
  if (types == nullptr) return;
  if (!types->is_array() || types->size() != windows.size()) {
    fields.wrong(kKey, fmt::format("a list of {} entries, one for each layer", windows.size()));
  }
  for (std::size_t n = 0; n < windows.size(); n++) {
    const auto& type = (*types)[n];
    if (type == "full_attention") {
      windows[n] = 0;
    } else if (type != "sliding_attention") {
      fail("{}: key '{}': expected 'full_attention' or 'sliding_attention' for layer {}, found {}",
           fields.file(), kKey, n, describe(type));
    } else if (windows[n] == 0) {
      fields.wrong("sliding_window", "a number of tokens, as 'layer_types' has sliding layers");
    }
  }
}

}  // namespace

std::vector<int> parse_sliding_window(const Fields& fields, int n_layers) {
  std::vector<int> windows(static_cast<std::size_t>(n_layers), 0);
  if (!fields.boolean("use_sliding_window").value_or(true)) return windows;
  const char* key = fields.has("_sliding_window") ? "_sliding_window" : "sliding_window";
  if (fields.has("_sliding_window") && fields.has("sliding_window")) {
    fields.wrong("_sliding_window", "nothing beside the key 'sliding_window'");
  }
  if (const auto* value = fields.find(key)) {
    if (value->is_array()) {
      windows = parse_pattern(*value, n_layers, fields, key);
    } else {
      windows.assign(windows.size(), parse_window(*value, fields, key));
    }
  }
  apply_layer_types(fields, windows);
  return windows;
}

}  // namespace tramontane
