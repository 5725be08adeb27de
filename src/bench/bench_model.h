#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "core/memory.h"
#include "model/weights.h"
#include "tramontane/model_args.h"

namespace tramontane::bench {

/// A model to measure and what owns its bytes. Move-only.
struct BenchModel {
  std::string name;  // for the reader: "7b, 4-bit groups of 64"
  ModelArgs args;
  Weights weights;       // views into one of the owners below
  int whole_layers = 0;  // before any were cut off

  std::optional<Checkpoint> checkpoint;
  Buffer memory;
};

/// A checkpoint folder without its tokenizer. sliding_window: instead of the checkpoint's. Throws Error for
/// whatever is wrong with the folder.
BenchModel open_model(const std::filesystem::path& folder, std::optional<int> sliding_window);

/// Keeps the first `layers` layers. Throws Error unless the model has that many.
void cut_layers(BenchModel& model, int layers);

}  // namespace tramontane::bench
