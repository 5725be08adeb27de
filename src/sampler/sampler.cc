#include "tramontane/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/fail.h"
#include "sampler/categorical.h"
#include "sampler/filters.h"
#include "sampler/mlx_math.h"
#include "sampler/penalties.h"
#include "sampler/random.h"

namespace tramontane {
namespace {

void check_between(std::string_view option, double value, double least, double most) {
  if (!(value >= least && value <= most)) {
    fail("{}: expected a number from {} to {}, found {}", option, least, most, value);
  }
}

void check_between(std::string_view option, int value, int least, int most) {
  if (value < least || value > most) {
    fail("{}: expected a whole number from {} to {}, found {}", option, least, most, value);
  }
}

void check_finite(std::string_view option, double value, DType dtype) {
  if (!std::isfinite(mlx::weak_scalar(dtype, value))) {
    fail("{}: expected a number that {} can hold, found {}", option, name_of(dtype), value);
  }
}

void check_temperature(double temperature, DType dtype) {
  const bool valid = temperature >= 0 && std::isfinite(temperature);
  if (!valid || (temperature > 0 && !std::isfinite(mlx::weak_scalar(dtype, 1 / temperature)))) {
    fail("temperature: expected 0 or a number whose reciprocal {} can hold, found {}", name_of(dtype),
         temperature);
  }
}

void check_bias(const SamplerOptions& options, DType dtype, int vocab_size) {
  std::vector<TokenId> seen;
  for (const auto& [token, bias] : options.logit_bias) {
    if (token < 0 || token >= vocab_size) {
      fail("logit_bias: expected token ids from 0 to {}, found {}", vocab_size - 1, token);
    }
    // Minus infinity bans a token.
    if (bias != -std::numeric_limits<double>::infinity()) check_finite("logit_bias", bias, dtype);
    seen.push_back(token);
  }
  std::sort(seen.begin(), seen.end());
  const auto twice = std::adjacent_find(seen.begin(), seen.end());
  if (twice != seen.end()) fail("logit_bias: expected each token once, found {} twice", *twice);
}

void check(const SamplerOptions& options, DType dtype, int vocab_size) {
  constexpr int most = std::numeric_limits<int>::max();
  if (!is_float(dtype)) fail("logits_dtype: expected a float type, found {}", name_of(dtype));
  if (vocab_size < 1) fail("vocab_size: expected a positive number, found {}", vocab_size);
  check_temperature(options.temperature, dtype);
  check_between("top_k", options.top_k, 0, vocab_size - 1);
  check_between("top_p", options.top_p, 0.0, 1.0);
  check_between("min_p", options.min_p, 0.0, 1.0);
  check_between("min_tokens_to_keep", options.min_tokens_to_keep, 1, vocab_size);
  if (!(options.repetition_penalty >= 0)) {
    fail("repetition_penalty: expected 0 or more, found {}", options.repetition_penalty);
  }
  check_finite("repetition_penalty", options.repetition_penalty, dtype);
  check_finite("presence_penalty", options.presence_penalty, dtype);
  check_finite("frequency_penalty", options.frequency_penalty, dtype);
  check_between("repetition_context_size", options.repetition_context_size, 0, most);
  check_between("presence_context_size", options.presence_context_size, 0, most);
  check_between("frequency_context_size", options.frequency_context_size, 0, most);
  check_bias(options, dtype, vocab_size);
}

bool has_filters(const SamplerOptions& options) {
  return options.top_k > 0 || options.min_p > 0 || (options.top_p > 0 && options.top_p < 1);
}

/// A NaN means a broken checkpoint, and has no place in an order: no draw from such a row would mean
/// anything.
void refuse_nan(std::span<const float> row) {
  if (mlx::has_nan(row)) fail("logits: expected numbers, found NaN");
}

}  // namespace

struct Sampler::Scratch {
  std::vector<float> row;
  FilterScratch filters;
  std::vector<TokenId> tokens;
};

Sampler::Sampler(SamplerOptions options, DType logits_dtype, int vocab_size)
    : options_(std::move(options)), dtype_(logits_dtype), key_(random::key(options_.seed)) {
  check(options_, dtype_, vocab_size);
  scratch_ = std::make_unique<Scratch>();
  scratch_->row.resize(static_cast<std::size_t>(vocab_size));
}

Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;
Sampler::~Sampler() = default;

TokenId Sampler::sample(std::span<const float> logits, std::span<const TokenId> tokens) {
  std::vector<float>& row = scratch_->row;
  if (logits.size() != row.size()) fail("logits: expected {} elements, found {}", row.size(), logits.size());
  std::copy(logits.begin(), logits.end(), row.begin());
  mlx::round_row(dtype_, row);
  refuse_nan(row);

  const bool penalties = has_penalties(options_);
  const bool greedy = options_.temperature == 0;
  const bool filters = has_filters(options_) && !greedy;
  if (penalties) apply_penalties(options_, dtype_, tokens, row, scratch_->tokens);
  if (penalties || filters) {  // mlx-lm's samplers see log-probabilities, the original program's plain logits
    mlx::to_logprobs(dtype_, row);
    refuse_nan(row);
  }
  if (greedy) return static_cast<TokenId>(mlx::argmax(row));

  if (filters) apply_filters(options_, dtype_, row, scratch_->filters);
  const float scale = mlx::weak_scalar(dtype_, 1 / options_.temperature);
  for (float& x : row) x *= scale;
  mlx::round_row(dtype_, row);

  const auto [next, drawn] = random::split(key_);
  key_ = next;
  return static_cast<TokenId>(categorical(row, drawn));
}

}  // namespace tramontane
