#pragma once
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/json.h"

// The parts of parse_config, one file each. All throw Error naming file and key.
namespace tramontane {

/// The two dialects of config.json spell the same things differently.
enum class Dialect { mistral, hugging_face };

// Bounds of rope_theta that keep powers and logarithms finite: a theta of 1 would divide by its logarithm.
constexpr double kLeastTheta = 1.001;
constexpr double kMostTheta = 1e15;

/// rope_theta, YaRN and the query temperature, into config.args and config.rope_theta_given.
void parse_rope(const Fields& fields, Config& config);

/// The window of each of n_layers layers, in tokens; 0: none.
std::vector<int> parse_sliding_window(const Fields& fields, int n_layers);

/// From the `quantization` of the outermost object, or of the text model inside it.
QuantizationConfig parse_quantization(const Fields& outer, const Fields& fields);

}  // namespace tramontane
