#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "bench/bench.h"

namespace tramontane::bench {

/// {"model", "machine", "machines", "results"}: `machine` is the first of `machines`.
nlohmann::json to_json(const BenchModel& model, const Report& report);

/// The same for readers, in lines of at most 100 characters.
std::string to_text(const BenchModel& model, const Report& report);

}  // namespace tramontane::bench
