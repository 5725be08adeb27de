#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tramontane/dtype.h"

namespace tramontane {

enum class CheckpointFormat {
  npz,         // of MLX's mistral example: weights.npz, its names and its config.json
  safetensors  // of mlx-lm: Hugging Face's names and config.json, shards of 5 GB with an index
};

/// What to make of a checkpoint. The defaults are the original converter's.
struct ConvertOptions {
  /// A folder (consolidated.*.pth or consolidated*.safetensors with params.json, a Hugging Face or MLX
  /// folder, or one with a GGUF file) or a GGUF file.
  std::filesystem::path from = "mistral-7B-v0.1";
  std::filesystem::path to = "mlx_model";  // the folder to write
  CheckpointFormat format = CheckpointFormat::npz;
  /// float16, bfloat16 or float32, of all that is not quantised and of scales and biases
  /// that are computed (those carried over keep theirs). None: float16 for
  /// npz, the source's own for safetensors and for sources that are quantised in MLX's way already.
  std::optional<DType> dtype = {};

  bool quantize = false;
  std::string mode = "affine";         // or mxfp4, mxfp8, nvfp4
  std::optional<int> bits = {};        // none: 4, or the mode's own
  std::optional<int> group_size = {};  // none: 64, or the mode's own
  std::string recipe = {};             // mixed_2_6, mixed_3_4, mixed_3_6, mixed_4_6; empty: all the same
  bool dequantize = false;             // what is quantised in the source becomes plain; not with quantize
  bool overwrite = false;              // replace a checkpoint that is at `to`

  int threads = 0;  // 0: the physical cores this process may use
  /// Stop soon when this becomes true: nothing is left at `to`, or what was there before.
  const std::atomic<bool>* interrupt = nullptr;
};

struct ConvertProgress {
  std::int64_t bytes_done = 0;  // of the weights to write
  std::int64_t bytes_total = 0;
};

/// What became of one matrix that was quantised in the source.
struct RequantizedMatrix {
  std::string path;      // in the target: "layers.0.attention.wq"
  std::string from;      // "Q6_K", "4-bit affine, groups of 64"
  std::string to;        // "8-bit affine, groups of 32", "float16"
  bool carried = false;  // the very weights, rearranged; else computed anew
};

struct ConvertReport {
  bool interrupted = false;        // and then nothing was written
  std::string source_kind;         // "consolidated.pth", "safetensors", "npz", "gguf", ...
  std::int64_t bytes_written = 0;  // of weight files
  double seconds = 0;
  double bits_per_weight = 0;  // of the target, scales included
  std::vector<RequantizedMatrix> requantized;
  std::vector<std::string> warnings;  // one line each
};

/// Converts `options.from` into a folder at `options.to`, which appears there whole or not at all. Uses all
/// threads and some hundred megabytes of memory, whatever the size of the model. `progress` is called now and
/// then, from any of the threads, one at a time. Throws Error for whatever is wrong with the source, the
/// options or the target.
ConvertReport convert(const ConvertOptions& options,
                      const std::function<void(const ConvertProgress&)>& progress = {});

}  // namespace tramontane
