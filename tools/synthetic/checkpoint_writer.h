#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tensor_headers.h"
#include "kernels/matrix_view.h"
#include "synthetic/random_tensor.h"
#include "tramontane/dtype.h"
#include "tramontane/model_args.h"

// Random checkpoints of any shape, for tests, benchmarks and the comparison with MLX. Equal options give
// equal files on every platform, and equal values in every container and under either family of names.
namespace tramontane::synthetic {

/// The last three are Mistral's own: params.json with consolidated.00.pth, consolidated.safetensors or shards
/// of it, in Mistral's names.
enum class Container {
  npz,
  npz_deflated,
  npz_zip64,
  npz_shards,
  safetensors,
  safetensors_shards,
  pth,
  consolidated,
  consolidated_shards
};

/// Tensor names, and with them the dialect of config.json. `hugging_face_nested` is the text model of a
/// multimodal folder: names start with "language_model.", the configuration is in "text_config".
enum class Names { mistral, hugging_face, hugging_face_nested };

struct SyntheticOptions {
  ModelArgs args;  // an empty sliding_window means none; rope_layout is not used: the names imply it
  std::optional<QuantSpec> quant;
  /// Modules that differ from `quant` (none: not quantised), by their Mistral path:
  /// "layers.0.feed_forward.w2".
  std::map<std::string, std::optional<QuantSpec>, std::less<>> overrides;
  DType dtype = DType::float16;        // of norms and matrices that are not quantised
  DType scale_dtype = DType::float16;  // of scales and biases
  Container container = Container::npz;
  Names names = Names::mistral;
  std::uint64_t seed = 0;
  std::filesystem::path tokenizer;  // copied as tokenizer.model; empty: none
};

struct PlannedTensor {
  TensorHeader header;
  Fill fill;
};

/// The tensors that the options call for, in the order of the model. Throws Error when a group size does not
/// divide the columns of a matrix.
std::vector<PlannedTensor> plan_tensors(const SyntheticOptions& options);

/// The text of the config.json.
std::string config_text(const SyntheticOptions& options);

/// `mistral_path` ("layers.0.attention.wq", without ".weight") in the chosen names.
std::string module_name(Names names, const std::string& mistral_path);

/// Writes config.json or params.json, the weight files and the tokenizer into `folder`, which is created;
/// memory stays bounded by a few MB for any size of model. Throws Error.
void write_checkpoint(const std::filesystem::path& folder, const SyntheticOptions& options);

/// Creates `folder` and copies options.tokenizer, if any, to its tokenizer.model. write_checkpoint does so
/// too.
void write_tokenizer(const std::filesystem::path& folder, const SyntheticOptions& options);

}  // namespace tramontane::synthetic
