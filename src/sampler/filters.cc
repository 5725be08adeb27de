#include "sampler/filters.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

#include "sampler/mlx_math.h"

namespace tramontane {
namespace {

constexpr float ruled_out = -std::numeric_limits<float>::infinity();

/// Keeps the likeliest tokens whose mass, without the last of them, is below top_p. Equals of the last stay
/// too.
void apply_top_p(float top_p, std::span<float> logprobs, std::vector<float>& sorted) {
  sorted.assign(logprobs.begin(), logprobs.end());
  std::sort(sorted.begin(), sorted.end());
  float total = 0;
  for (std::size_t i = sorted.size(); i-- > 0;) total += mlx::exp(sorted[i]);

  const float limit = top_p * total;
  std::size_t last = sorted.size() - 1;
  for (float above = mlx::exp(sorted[last]); last > 0 && above < limit; above += mlx::exp(sorted[last]))
    --last;
  const float threshold = sorted[last];
  for (float& x : logprobs) x = x < threshold ? ruled_out : x;
}

/// The positions of the row ordered by `before`, the first `count` of them in front.
template <class Before>
std::span<const std::uint32_t> first_of_order(std::size_t size, std::size_t count,
                                              std::vector<std::uint32_t>& order, Before before) {
  order.resize(size);
  std::iota(order.begin(), order.end(), 0U);
  std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count - 1), order.end(),
                   before);
  return order;
}

/// Keeps what is at least min_p times as likely as the likeliest, and the last of the min_tokens_to_keep
/// likeliest.
void apply_min_p(const SamplerOptions& options, DType dtype, std::span<float> logprobs,
                 FilterScratch& scratch) {
  const float log_min_p = mlx::weak_scalar(dtype, std::log(options.min_p));
  const float threshold = round_to(dtype, logprobs[mlx::argmax(logprobs)] + log_min_p);
  const auto keep = static_cast<std::size_t>(options.min_tokens_to_keep);
  if (keep == 1) {
    for (float& x : logprobs) x = x < threshold ? ruled_out : x;
    return;
  }
  const auto order = first_of_order(logprobs.size(), keep, scratch.order, [&](auto a, auto b) {
    return logprobs[a] > logprobs[b] || (logprobs[a] == logprobs[b] && a > b);  // of equals, the last
  });
  for (const std::uint32_t i : order.subspan(keep))
    logprobs[i] = logprobs[i] < threshold ? ruled_out : logprobs[i];
}

void apply_top_k(std::size_t top_k, std::span<float> logprobs, std::vector<std::uint32_t>& scratch) {
  const auto order = first_of_order(logprobs.size(), top_k, scratch, [&](auto a, auto b) {
    return logprobs[a] > logprobs[b] || (logprobs[a] == logprobs[b] && a < b);  // of equals, the first
  });
  for (const std::uint32_t i : order.subspan(top_k)) logprobs[i] = ruled_out;
}

}  // namespace

void apply_filters(const SamplerOptions& options, DType dtype, std::span<float> logprobs,
                   FilterScratch& scratch) {
  if (options.top_p > 0 && options.top_p < 1) {
    apply_top_p(static_cast<float>(options.top_p), logprobs, scratch.sorted);
  }
  if (options.min_p > 0) apply_min_p(options, dtype, logprobs, scratch);
  if (options.top_k > 0) apply_top_k(static_cast<std::size_t>(options.top_k), logprobs, scratch.order);
}

}  // namespace tramontane
