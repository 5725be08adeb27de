#pragma once
#include <span>
#include <string_view>

#include "tramontane/model_args.h"

namespace tramontane::bench {

/// A published model's shape, to be filled with random weights.
struct NamedShape {
  std::string_view name;         // "7b"
  std::string_view description;  // "Mistral 7B v0.1"
  ModelArgs args;
};

std::span<const NamedShape> named_shapes();

}  // namespace tramontane::bench
