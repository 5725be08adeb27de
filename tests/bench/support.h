#pragma once
#include "bench/synthetic.h"

namespace tramontane::testing {

/// Two layers, of which the second sees three tokens; small enough to count by hand.
inline ModelArgs small_args() {
  ModelArgs args;
  args.dim = 64;
  args.n_layers = 2;
  args.head_dim = 32;
  args.hidden_dim = 128;
  args.n_heads = 2;
  args.n_kv_heads = 1;
  args.vocab_size = 96;
  args.norm_eps = 1e-5F;
  args.sliding_window = {0, 3};
  return args;
}

inline bench::BenchModel small_model(int threads = 1) {
  const bench::SyntheticFormat format{.quant = {.bits = 4, .group_size = 32}, .dtype = DType::float16};
  return bench::synthesize("small", small_args(), format, threads);
}

}  // namespace tramontane::testing
