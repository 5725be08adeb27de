#include <algorithm>
#include <string_view>
#include <vector>

#include "checkpoint/config_parts.h"
#include "core/fail.h"

namespace tramontane {
namespace {

QuantMode parse_mode(const Fields& fields) {
  const auto name = fields.string("mode");
  if (!name) return QuantMode::affine;
  std::vector<std::string_view> names;
  for (const QuantMode mode : kQuantModes) {
    if (*name == name_of(mode)) return mode;
    names.push_back(name_of(mode));
  }
  fields.wrong("mode", fmt::format("one of {}", fmt::join(names, ", ")));
}

int one_of(const Fields& fields, const char* key, std::initializer_list<int> allowed, int otherwise) {
  if (!fields.has(key)) return otherwise;
  const auto& value = *fields.find(key);
  const auto* match = std::find_if(allowed.begin(), allowed.end(),
                                   [&](int choice) { return value.is_number_integer() && value == choice; });
  if (match == allowed.end()) fields.wrong(key, fmt::format("one of {}", fmt::join(allowed, ", ")));
  return *match;
}

/// The only value that `mode` allows.
void expect(const Fields& fields, const char* key, int value, QuantMode mode) {
  if (!fields.has(key)) return;
  const auto& found = *fields.find(key);
  if (found.is_number_integer() && found == value) return;
  fields.wrong(key, fmt::format("{} with mode '{}'", value, name_of(mode)));
}

/// {"group_size", "bits", "mode"}; what is missing is as MLX's quantize has it.
QuantSpec parse_spec(const Fields& fields) {
  const QuantSpec usual = usual_spec(parse_mode(fields));
  if (usual.mode == QuantMode::affine) {
    return {.bits = one_of(fields, "bits", {2, 3, 4, 5, 6, 8}, usual.bits),
            .group_size = one_of(fields, "group_size", {32, 64, 128}, usual.group_size)};
  }
  expect(fields, "bits", usual.bits, usual.mode);
  expect(fields, "group_size", usual.group_size, usual.mode);
  return usual;
}

bool is_setting(const std::string& key) { return key == "group_size" || key == "bits" || key == "mode"; }

/// All other keys are module paths.
void parse_overrides(const Fields& fields, QuantizationConfig& quantization) {
  for (const auto& [path, value] : fields.value().items()) {
    if (is_setting(path)) continue;
    if (value.is_boolean()) {
      quantization.overrides[path] = value.get<bool>() ? quantization.standard : std::nullopt;
    } else if (value.is_object()) {
      quantization.overrides[path] = parse_spec(Fields(value, fields.file(), fields.path() + path + "."));
    } else {
      fail("{}: key {}: expected the settings of a module, or true or false, found {}", fields.file(),
           printable(fields.path() + path), describe(value));
    }
  }
}

}  // namespace

QuantizationConfig parse_quantization(const Fields& outer, const Fields& fields) {
  QuantizationConfig quantization;
  for (const char* key : {"quantization", "quantization_config"}) {  // mlx-lm writes both, the same
    for (const Fields* place : {&outer, &fields}) {
      const auto entry = place->object(key);
      if (!entry) continue;
      if (entry->has("quant_method")) {
        entry->wrong("quant_method", "MLX's quantisation (other quantisers are not supported)");
      }
      if (const auto format = entry->string("qformat_weight")) {
        if (*format != "fp8_e4m3") entry->wrong("qformat_weight", "'fp8_e4m3'");
        quantization.float8 = true;
        return quantization;
      }
      quantization.standard = parse_spec(*entry);
      parse_overrides(*entry, quantization);
      return quantization;
    }
  }
  return quantization;
}

}  // namespace tramontane
