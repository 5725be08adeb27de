#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tramontane/dtype.h"
#include "tramontane/model_args.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

struct LoadOptions {
  /// 0: the physical cores this process may use.
  int threads = 0;
  /// Keeps each thread but the caller's on a core of its own.
  bool pin_threads = false;
  /// Instead of the checkpoint's.
  std::optional<double> rope_theta = {};
  /// In tokens, for every layer, instead of the checkpoint's; 0 turns it off.
  std::optional<int> sliding_window = {};
  /// float16, float32, or int8 (with a scale for each head and position: half of the memory and of the
  /// reading at some cost in exactness); by default float32 for float32 checkpoints, else float16.
  std::optional<DType> kv_dtype = {};
  /// Of the activations that weights in affine groups are multiplied with, where the instruction
  /// set has integer products: 16 (an error near 2e-5 of a product), 8 (7e-3, faster prompts and batches; a
  /// single row keeps 16), or 32 for float32 products everywhere.
  int activation_bits = 16;
  /// Positions per block of the KV cache.
  int kv_block_tokens = 64;
};

/// A checkpoint folder ready to run: weights mapped where they lie, never copied. Move-only owner. Not
/// thread-safe: one caller at a time (an Engine serves many requests on one model).
class Model {
 public:
  /// Reads `folder` (config.json, tokenizer.model, weights as npz or safetensors). Costs milliseconds and a
  /// few megabytes, whatever the size of the weights. Throws Error for anything wrong with the folder or the
  /// options.
  static Model load(const std::filesystem::path& folder, const LoadOptions& options = {});

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const ModelArgs& args() const;
  const Tokenizer& tokenizer() const;
  DType dtype() const;     // the checkpoint's: what MLX would compute in
  DType kv_dtype() const;  // the cache's
  int threads() const;
  std::string_view isa() const;                   // the kernels in use: "avx512", "avx2", "scalar"
  std::span<const std::string> warnings() const;  // what a user should hear of, one line each

  /// The most memory that the KV cache takes for a context of `tokens` tokens processed `batch_rows` at a
  /// time, in bytes; sliding windows counted.
  std::size_t kv_bytes(std::int64_t tokens, std::int64_t batch_rows = 256) const;

  /// Logits of every position of one sequence, [tokens.size(), vocab_size] row-major; row i predicts token i
  /// + 1. Evaluated in chunks of `chunk` tokens, which does not change the result. Throws Error for a token
  /// id outside [0, vocab_size) or when memory runs out.
  std::vector<float> logits(std::span<const TokenId> tokens, int chunk = 256);

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The original program's name for Model::load.
inline Model load_model(const std::filesystem::path& folder, const LoadOptions& options = {}) {
  return Model::load(folder, options);
}

}  // namespace tramontane
