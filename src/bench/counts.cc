#include "bench/counts.h"

#include <algorithm>

namespace tramontane::bench {
namespace {

/// Multiply-adds of one row with each matrix, and the matrices' bytes.
struct Linear {
  double products = 0;
  double bytes = 0;
  void add(const MatrixView& w) {
    products += static_cast<double>(w.rows) * static_cast<double>(w.cols);
    bytes += static_cast<double>(w.total_bytes());
  }
};

Linear of_layers(const Weights& weights) {
  Linear sum;
  for (const LayerWeights& l : weights.layers) {
    for (const MatrixView* w : {&l.wq, &l.wk, &l.wv, &l.wo, &l.w1, &l.w2, &l.w3}) sum.add(*w);
  }
  return sum;
}

Linear of_output(const Weights& weights) {
  Linear sum;
  sum.add(weights.output);
  return sum;
}

/// The last layer's feed-forward, which only rows with logits go through.
Linear of_last_feed_forward(const Weights& weights) {
  Linear sum;
  const LayerWeights& l = weights.layers.back();
  for (const MatrixView* w : {&l.w1, &l.w2, &l.w3}) sum.add(*w);
  return sum;
}

double bytes_per_key(const CountedModel& model) {  // and its value, in one layer
  return static_cast<double>(model.cache.bytes_per_token()) / model.args.n_layers;
}

double attention_operations(const CountedModel& model, double seen) {
  return 2.0 * 2.0 * model.args.n_heads * model.args.head_dim * seen;
}

}  // namespace

double keys_seen(std::int64_t first, std::int64_t count, std::int64_t window) {
  const std::int64_t end = first + count;
  const std::int64_t growing_end = window == 0 ? end : std::clamp(window - 1, first, end);
  const auto growing = static_cast<double>(growing_end - first);
  const double sum_growing = growing * (static_cast<double>(first + growing_end) + 1) / 2;
  return sum_growing + static_cast<double>(end - growing_end) * static_cast<double>(window);
}

Work prompt_work(const CountedModel& model, std::int64_t tokens, std::int64_t chunk) {
  const Linear layers = of_layers(model.weights);
  const Linear output = of_output(model.weights);
  const Linear last = of_last_feed_forward(model.weights);
  Work work;
  work.operations =
      2 * ((layers.products - last.products) * static_cast<double>(tokens) + last.products + output.products);
  work.bytes = last.bytes + output.bytes;
  for (const int window : model.args.sliding_window) {
    work.operations += attention_operations(model, keys_seen(0, tokens, window));
  }
  for (std::int64_t first = 0; first < tokens; first += chunk) {
    work.bytes += layers.bytes - last.bytes;
    for (const int window : model.args.sliding_window) {
      const std::int64_t oldest = window == 0 ? 0 : std::max<std::int64_t>(0, first - window + 1);
      work.bytes += bytes_per_key(model) * static_cast<double>(std::min(tokens, first + chunk) - oldest);
    }
  }
  return work;
}

Work decode_work(const CountedModel& model, const DecodeSize& size) {
  Linear linear = of_layers(model.weights);
  linear.add(model.weights.output);
  Work work;
  work.bytes = linear.bytes * static_cast<double>(size.steps);
  work.operations = 2 * linear.products * static_cast<double>(size.steps) * size.batch;
  for (const int window : model.args.sliding_window) {
    const double seen = size.batch * keys_seen(size.depth, size.steps, window);
    work.bytes += bytes_per_key(model) * seen;
    work.operations += attention_operations(model, seen);
  }
  return work;
}

}  // namespace tramontane::bench
