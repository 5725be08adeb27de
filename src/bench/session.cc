#include "bench/session.h"

#include <algorithm>
#include <random>

#include "core/fail.h"
#include "engine/stopwatch.h"

namespace tramontane::bench {
namespace {

KvCacheShape cache_shape_of(const BenchModel& model, const Plan& plan) {
  const DType usual = model.weights.dtype == DType::float32 ? DType::float32 : DType::float16;
  KvCacheShape shape;
  shape.n_layers = model.args.n_layers;
  shape.n_kv_heads = model.args.n_kv_heads;
  shape.head_dim = model.args.head_dim;
  shape.dtype = plan.kv_dtype.value_or(usual);
  return shape;
}

std::vector<float> random_context(const ModelArgs& args, std::int64_t positions) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(positions * args.n_kv_heads * args.head_dim));
  for (float& value : values) value = normal(random);
  return values;
}

std::int64_t most_rows(const Plan& plan) {
  std::int64_t rows = 1;
  for (const std::int64_t prompt : plan.prompts) rows = std::max(rows, std::min(prompt, plan.chunk));
  return rows;
}

}  // namespace

Session::Variant::Variant(const BenchModel& model, const Kernels& kernels, int threads, int precision)
    : backend(kernels, threads, precision), mistral(model.args, model.weights, backend) {}

Session::Session(const BenchModel& model, const Plan& plan, const Kernels& kernels,
                 const std::atomic<bool>& interrupt)
    : model_(model),
      chunk_(plan.chunk),
      most_rows_(most_rows(plan)),
      interrupt_(interrupt),
      cache_(cache_shape_of(model, plan)),
      context_(random_context(model.args, cache_.shape().block_tokens)) {
  check_memory(plan);
  for (const int threads : plan.threads) {
    for (const int precision : plan.precisions)
      variants_[{threads, precision}] = std::make_unique<Variant>(model, kernels, threads, precision);
  }
}

/// The largest test's cache, windows counted; blocks serve all the tests.
void Session::check_memory(const Plan& plan) const {
  const int window = longest_window(model_.args);
  const auto held = [&](std::int64_t tokens, std::int64_t rows) {
    const std::int64_t kept = window == 0 ? tokens : std::min(tokens, window + rows);
    return static_cast<double>(kept + 2 * cache_.shape().block_tokens);  // blocks partly used at both ends
  };
  double tokens = 0;
  for (const std::int64_t prompt : plan.prompts) tokens = std::max(tokens, held(prompt, plan.chunk));
  if (plan.decode_steps > 0) {
    const std::int64_t depth = *std::max_element(plan.depths.begin(), plan.depths.end());
    const int batch = *std::max_element(plan.batches.begin(), plan.batches.end());
    tokens = std::max(tokens, batch * held(depth + kWarmSteps + plan.decode_steps, 1));
  }
  const double bytes = tokens * static_cast<double>(cache_.shape().bytes_per_token());
  if (bytes <= available_memory()) return;
  fail("not enough memory: the KV cache of the largest test takes {}, {} are available", human_bytes(bytes),
       human_bytes(available_memory()));
}

std::optional<double> Session::seconds(const TestCase& test) {
  Variant& variant = *variants_.at({test.threads, test.precision});
  if (!variant.warm && !warm_up(variant)) return std::nullopt;
  return test.phase == Phase::prompt ? time_prompt(variant, test.tokens) : time_decode(variant, test);
}

bool Session::warm_up(Variant& variant) {
  const SequenceId sequence = cache_.create();
  variant.warm = forward(variant, {&sequence, 1}, most_rows_, Batch::Logits::last);
  cache_.release(sequence);
  return variant.warm;
}

std::optional<double> Session::time_prompt(Variant& variant, std::int64_t tokens) {
  const SequenceId sequence = cache_.create();
  bool done = true;
  const Stopwatch watch;
  for (std::int64_t first = 0; done && first < tokens; first += chunk_) {
    const std::int64_t rows = std::min(chunk_, tokens - first);
    const bool last = first + rows == tokens;
    done = forward(variant, {&sequence, 1}, rows, last ? Batch::Logits::last : Batch::Logits::none);
  }
  const double taken = watch.seconds();
  cache_.release(sequence);
  return done ? std::optional(taken) : std::nullopt;
}

std::optional<double> Session::time_decode(Variant& variant, const TestCase& test) {
  std::vector<SequenceId> sequences;
  sequences.reserve(static_cast<std::size_t>(test.batch));
  for (int i = 0; i < test.batch; i++) sequences.push_back(start_sequence(variant, test.depth));
  bool done = true;
  for (std::int64_t i = 0; done && i < kWarmSteps; i++)
    done = forward(variant, sequences, 1, Batch::Logits::last);
  const Stopwatch watch;
  for (std::int64_t i = 0; done && i < test.tokens; i++)
    done = forward(variant, sequences, 1, Batch::Logits::last);
  const double taken = watch.seconds();
  for (const SequenceId sequence : sequences) cache_.release(sequence);
  return done ? std::optional(taken) : std::nullopt;
}

bool Session::forward(Variant& variant, std::span<const SequenceId> sequences, std::int64_t rows,
                      Batch::Logits logits) {
  Batch batch;
  std::vector<TokenId> ids(static_cast<std::size_t>(rows));
  for (const SequenceId sequence : sequences) {
    const std::int64_t first = cache_.length(sequence);
    for (std::size_t i = 0; i < ids.size(); i++) {  // any tokens will do, as long as they differ
      const std::int64_t at = 7919 * (first + static_cast<std::int64_t>(i)) + 104729 * sequence;
      ids[i] = static_cast<TokenId>(at % model_.args.vocab_size);
    }
    batch.add(sequence, first, ids, logits);
  }
  variant.mistral.forward(batch, cache_, &interrupt_);
  return !interrupt_.load(std::memory_order_relaxed);
}

/// A sequence of `depth` positions with random keys and values, which cost a decode step the same as real
/// ones.
SequenceId Session::start_sequence(Variant& variant, std::int64_t depth) {
  const SequenceId sequence = cache_.create();
  const int window = longest_window(model_.args);
  const std::int64_t kv_cols = std::int64_t{model_.args.n_kv_heads} * model_.args.head_dim;
  for (std::int64_t first = 0; first < depth; first = cache_.length(sequence)) {
    const std::int64_t rows = std::min(cache_.shape().block_tokens, depth - first);
    cache_.extend(sequence, rows);
    Batch batch;
    batch.spans.push_back({.sequence = sequence, .first_row = 0, .rows = rows, .first_position = first});
    const Rows values{context_.data(), rows, kv_cols};
    for (int layer = 0; layer < model_.args.n_layers; layer++)
      variant.backend.store(values, values, batch, cache_, layer);
    if (window != 0) cache_.drop_before(sequence, std::max<std::int64_t>(0, first + rows - window + 1));
  }
  return sequence;
}

}  // namespace tramontane::bench
