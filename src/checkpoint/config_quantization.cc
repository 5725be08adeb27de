#include <algorithm>
#include <array>

#include "checkpoint/config_parts.h"
#include "core/fail.h"

namespace tramontane {
namespace {

int one_of(const Fields& fields, const char* key, std::initializer_list<int> allowed, int otherwise) {
  if (!fields.has(key)) return otherwise;
  const auto& value = *fields.find(key);
  const auto* match = std::find_if(allowed.begin(), allowed.end(),
                                   [&](int choice) { return value.is_number_integer() && value == choice; });
  if (match == allowed.end()) fields.wrong(key, fmt::format("one of {}", fmt::join(allowed, ", ")));
  return *match;
}

/// {"group_size", "bits", "mode"}; what is missing is as MLX's quantize has it.
QuantSpec parse_spec(const Fields& fields) {
  if (const auto mode = fields.string("mode"); mode && *mode != "affine") {
    fields.wrong("mode", "'affine' (other modes are not supported)");
  }
  return {.bits = one_of(fields, "bits", {2, 3, 4, 5, 6, 8}, 4),
          .group_size = one_of(fields, "group_size", {32, 64, 128}, 64)};
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
        entry->wrong("quant_method", "MLX's affine groups (other quantisers are not supported)");
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
