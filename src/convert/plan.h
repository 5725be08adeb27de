#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/config.h"
#include "checkpoint/tensor_headers.h"
#include "convert/source.h"
#include "tramontane/convert.h"

namespace tramontane {

/// One matrix or norm of the target: where its rows come from and how they are written.
struct PlannedModule {
  Place place;
  const RowSource* rows = nullptr;
  std::string path;                  // in the target's names, without ".weight"
  DType dtype = DType::float16;      // of the weight, or of affine scales and biases
  std::optional<QuantSpec> quant;    // none: written plainly
  bool carried = false;              // quantised in the source already, and only rearranged
  std::vector<TensorHeader> arrays;  // weight, or weight, scales and (affine) biases

  std::int64_t bytes() const;
};

/// What a conversion will write. Views the source, which must outlive it.
struct Plan {
  std::vector<PlannedModule> modules;                // in the order of the model
  QuantizationConfig quantization;                   // overrides by path
  std::vector<std::unique_ptr<RowSource>> permuted;  // wq and wk in the target's RoPE layout
  std::vector<RequantizedMatrix> requantized;
  std::vector<std::string> warnings;
};

/// Throws Error for options that contradict each other.
Plan make_plan(const Source& source, const ConvertOptions& options);

/// The names of a format, and with them its dialect of config.json and its RoPE layout.
NameFamily family_of(CheckpointFormat format);

}  // namespace tramontane
