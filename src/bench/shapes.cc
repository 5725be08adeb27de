#include "bench/shapes.h"

#include <vector>

namespace tramontane::bench {
namespace {

NamedShape with_window(NamedShape shape, int window) {
  shape.args.sliding_window.assign(static_cast<std::size_t>(shape.args.n_layers), window);
  return shape;
}

}  // namespace

std::span<const NamedShape> named_shapes() {
  static const std::vector<NamedShape> shapes = {
      with_window({"7b",
                   "Mistral 7B v0.1",
                   {.dim = 4096,
                    .n_layers = 32,
                    .head_dim = 128,
                    .hidden_dim = 14336,
                    .n_heads = 32,
                    .n_kv_heads = 8,
                    .vocab_size = 32000,
                    .norm_eps = 1e-5F,
                    .rope_theta = 1e4}},
                  4096),
      with_window({"12b",
                   "Mistral NeMo 12B",
                   {.dim = 5120,
                    .n_layers = 40,
                    .head_dim = 128,
                    .hidden_dim = 14336,
                    .n_heads = 32,
                    .n_kv_heads = 8,
                    .vocab_size = 131072,
                    .norm_eps = 1e-5F,
                    .rope_theta = 1e6}},
                  0),
      with_window({"24b",
                   "Mistral Small 3 24B",
                   {.dim = 5120,
                    .n_layers = 40,
                    .head_dim = 128,
                    .hidden_dim = 32768,
                    .n_heads = 32,
                    .n_kv_heads = 8,
                    .vocab_size = 131072,
                    .norm_eps = 1e-5F,
                    .rope_theta = 1e8}},
                  0),
      with_window({"demo",
                   "a tiny model",
                   {.dim = 256,
                    .n_layers = 4,
                    .head_dim = 64,
                    .hidden_dim = 512,
                    .n_heads = 4,
                    .n_kv_heads = 2,
                    .vocab_size = 4096,
                    .norm_eps = 1e-5F,
                    .rope_theta = 1e4}},
                  64),
  };
  return shapes;
}

}  // namespace tramontane::bench
