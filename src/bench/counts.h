#pragma once
#include <cstdint>

#include "model/kv_cache.h"
#include "model/weights.h"
#include "tramontane/model_args.h"

namespace tramontane::bench {

/// What a piece of work must at least read from memory and compute.
struct Work {
  double bytes = 0;       // weights, once per forward pass, and the cache's keys and values that are seen
  double operations = 0;  // 2 per multiply-add: linear layers, and queries with keys and weights with values
};

struct CountedModel {
  const ModelArgs& args;
  const Weights& weights;
  const KvCacheShape& cache;
};

/// A prompt of `tokens` tokens in passes of at most `chunk`, with the logits of the last token.
Work prompt_work(const CountedModel& model, std::int64_t tokens, std::int64_t chunk);

/// `steps` steps of `batch` sequences, all with `depth` tokens in the cache before the first.
struct DecodeSize {
  std::int64_t depth = 0;
  std::int64_t steps = 0;
  int batch = 1;
};
Work decode_work(const CountedModel& model, const DecodeSize& size);

/// The sum over positions p in [first, first + count) of how many keys a query at p sees: min(p + 1, window),
/// or p + 1 when window is 0.
double keys_seen(std::int64_t first, std::int64_t count, std::int64_t window);

}  // namespace tramontane::bench
