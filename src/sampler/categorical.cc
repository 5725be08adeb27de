#include "sampler/categorical.h"

#include <cmath>

#include "sampler/mlx_math.h"

namespace tramontane {

std::size_t categorical(std::span<float> logits, const random::Key& key) {
  const float most = logits[mlx::argmax(logits)];
  const bool infinite = std::isinf(most);
  float total = 0;
  for (float& x : logits) {
    x = infinite ? (x == most ? 1.0f : 0.0f) : mlx::exp(x - most);
    total += x;
  }

  // The last index at which the mass before it does not exceed the target. Additions in index order, as
  // MLX's.
  const float target = random::uniform(key) * total;
  float before = 0;
  std::size_t index = 0;
  while (index + 1 < logits.size()) {
    before += logits[index];
    if (before > target) break;
    ++index;
  }
  return index;
}

}  // namespace tramontane
