#include "bench/bench_model.h"

#include <utility>

#include "core/fail.h"

namespace tramontane::bench {

BenchModel open_model(const std::filesystem::path& folder, std::optional<int> sliding_window) {
  BenchModel model;
  model.checkpoint = Checkpoint::open(folder, {.rope_theta = {}, .sliding_window = sliding_window});
  model.name = folder.string();
  model.weights = load_weights(*model.checkpoint);
  model.args = model.checkpoint->config().args;
  model.args.rope_layout = model.weights.rope_layout;
  model.whole_layers = model.args.n_layers;
  return model;
}

void cut_layers(BenchModel& model, int layers) {
  if (layers < 1 || layers > model.args.n_layers) {
    fail("layers: expected 1 to the {} of the model, found {}", model.args.n_layers, layers);
  }
  model.args.n_layers = layers;
  model.args.sliding_window.resize(static_cast<std::size_t>(layers));
  model.weights.layers.resize(static_cast<std::size_t>(layers));
}

}  // namespace tramontane::bench
