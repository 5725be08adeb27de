#pragma once
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "model/cpu_backend.h"
#include "model/mistral.h"
#include "support/temp_folder.h"
#include "synthetic/checkpoint_writer.h"

namespace tramontane::testing {

/// A random small checkpoint, written to a temporary folder and opened from there.
struct RandomModel {
  TempFolder folder;
  std::unique_ptr<Checkpoint> checkpoint;
  Weights weights;
  ModelArgs args;

  explicit RandomModel(const synthetic::SyntheticOptions& options) {
    synthetic::write_checkpoint(folder.path(), options);
    checkpoint = std::make_unique<Checkpoint>(Checkpoint::open(folder.path()));
    weights = load_weights(*checkpoint);
    args = checkpoint->config().args;
    args.rope_layout = weights.rope_layout;
  }

  KvCacheShape cache_shape(DType dtype, std::int64_t block_tokens) const {
    return {args.n_layers, args.n_kv_heads, args.head_dim, dtype, block_tokens};
  }
};

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  /// Uniform enough in [low, high], the same on every platform.
  int roll(int low, int high) {
    return low + static_cast<int>(engine_() % static_cast<unsigned>(high - low + 1));
  }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return *(values.begin() + roll(0, static_cast<int>(values.size()) - 1));
  }
  std::vector<TokenId> tokens(int n, int vocab_size) {
    std::vector<TokenId> ids;
    for (int i = 0; i < n; i++) ids.push_back(roll(0, vocab_size - 1));
    return ids;
  }

 private:
  std::mt19937 engine_;
};

/// Options of a random small model; every shape that the loader accepts can come up.
inline synthetic::SyntheticOptions random_options(unsigned seed) {
  Dice dice(seed);
  synthetic::SyntheticOptions options;
  ModelArgs& args = options.args;
  if (dice.roll(0, 3) > 0) {
    options.quant = QuantSpec{dice.pick({2, 3, 4, 5, 6, 8}), dice.pick({32, 64, 128})};
  }
  const int unit = options.quant ? options.quant->group_size : 2;
  args.n_layers = dice.roll(1, 3);
  args.n_kv_heads = dice.roll(1, 3);
  args.n_heads = args.n_kv_heads * dice.pick({1, 2, 3, 4, 8});
  args.head_dim = options.quant ? unit : 2 * dice.roll(1, 20);
  args.dim = unit * dice.roll(1, 4);
  args.hidden_dim = unit * dice.roll(1, 5);
  args.vocab_size = dice.roll(30, 90);
  args.norm_eps = 1e-5F;
  args.rope_theta = dice.pick({1e4, 1e6});
  args.tied_embeddings = dice.roll(0, 2) == 0;
  const int window = dice.roll(0, 1) == 0 ? 0 : dice.roll(1, 60);
  args.sliding_window.assign(static_cast<std::size_t>(args.n_layers), window);
  options.dtype = dice.pick({DType::float32, DType::float16, DType::bfloat16});
  options.scale_dtype = options.dtype;
  options.names = dice.pick({synthetic::Names::mistral, synthetic::Names::hugging_face});
  options.container = dice.pick({synthetic::Container::npz, synthetic::Container::safetensors});
  options.seed = seed;
  const double original = dice.pick({4.0, 16.0, 300.0, 4096.0});
  if (dice.roll(0, 1) == 0) {
    args.yarn = YarnScaling{.factor = dice.pick({2.0, 16.0}), .original_max_position = original};
    if (dice.roll(0, 1) == 0) args.yarn->attention_factor = 0.1 * std::log(args.yarn->factor) + 1;
  }
  if (dice.roll(0, 1) == 0) args.query_temperature = QueryTemperature{0.1, original};
  return options;
}

}  // namespace tramontane::testing
