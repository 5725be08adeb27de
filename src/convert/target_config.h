#pragma once
#include <string>

#include "convert/plan.h"
#include "convert/source.h"

namespace tramontane {

/// The config.json of the target: what the source's said where that is of the same dialect, and the plan's
/// quantisation.
std::string target_config(const Source& source, const Plan& plan, CheckpointFormat format);

}  // namespace tramontane
