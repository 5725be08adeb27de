#include "tramontane/perplexity.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/fail.h"
#include "engine/stopwatch.h"
#include "model/model_impl.h"

namespace tramontane {
namespace {

constexpr std::int64_t kBatchRows = 256;

/// -log softmax(logits)[token], in double precision.
double negative_log_likelihood(std::span<const float> logits, TokenId token) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return std::log(sum) + highest - logits[static_cast<std::size_t>(token)];
}

/// Runs one window through the model: `input` in order, of which the last targets.size() rows predict
/// `targets`.
void score_window(Model::Impl& model, std::span<const TokenId> input, std::span<const TokenId> targets,
                  PerplexityResult& result) {
  KvCache cache = model.make_cache();
  const SequenceId sequence = cache.create();
  std::size_t context = input.size() - targets.size();
  while (!input.empty()) {
    const bool scored = context == 0;
    const std::size_t rows = std::min<std::size_t>(scored ? input.size() : context, kBatchRows);
    Batch batch;
    batch.add(sequence, cache.length(sequence), input.first(rows),
              scored ? Batch::Logits::all : Batch::Logits::none);
    const Rows logits = model.mistral.forward(batch, cache);
    if (scored) {
      for (std::size_t i = 0; i < rows; i++) {
        const double nats = negative_log_likelihood(
            {logits.row(static_cast<std::int64_t>(i)), static_cast<std::size_t>(logits.cols)}, targets[i]);
        result.nats += nats;
        result.nats_squared += nats * nats;
      }
      targets = targets.subspan(rows);
    } else {
      context -= rows;
    }
    input = input.subspan(rows);
  }
}

void check(const PerplexityOptions& options) {
  if (options.window < 2) fail("window: expected at least 2 tokens, found {}", options.window);
  if (options.stride < 1) fail("stride: expected at least 1 token, found {}", options.stride);
  if (options.stride >= options.window) {
    fail("stride: expected fewer tokens than the window of {}, found {}", options.window, options.stride);
  }
}

}  // namespace

double PerplexityResult::nats_per_token() const { return nats / static_cast<double>(tokens); }

double PerplexityResult::perplexity() const { return std::exp(nats_per_token()); }

double PerplexityResult::standard_error() const {
  const double n = static_cast<double>(tokens);
  const double variance = std::max(0.0, nats_squared / n - nats_per_token() * nats_per_token());
  return tokens < 2 ? 0 : std::sqrt(variance / (n - 1));
}

double PerplexityResult::bits_per_byte(std::int64_t bytes) const {
  return nats / std::numbers::ln2 / static_cast<double>(bytes);
}

PerplexityResult perplexity(Model& model, std::span<const TokenId> text, const PerplexityOptions& options,
                            const PerplexityProgress& progress) {
  check(options);
  Model::Impl& impl = model.impl();
  impl.check_tokens(text);
  const TokenId bos = model.tokenizer().bos_id();
  if (bos >= 0 && !text.empty() && text.front() == bos) text = text.subspan(1);
  // Without a BOS, the first token is there for the others' sake only.
  const std::size_t first = bos >= 0 ? 0 : 1;
  if (text.size() <= first) fail("text: expected at least {} token(s), found {}", first + 1, text.size());

  const Stopwatch watch;
  const auto room = static_cast<std::size_t>(options.window - 1);  // targets in a window
  const auto total = static_cast<std::int64_t>(text.size() - first);
  PerplexityResult result;
  std::vector<TokenId> input;
  for (std::size_t scored = first; scored < text.size();) {
    const std::size_t step = scored == first ? room : static_cast<std::size_t>(options.stride);
    const std::size_t end = std::min(text.size(), scored + step);
    const std::size_t begin = end - first > room ? end - room : first;  // of the targets, context included
    input.assign(1, bos >= 0 ? bos : text[begin - 1]);
    input.insert(input.end(), text.begin() + static_cast<std::ptrdiff_t>(begin),
                 text.begin() + static_cast<std::ptrdiff_t>(end - 1));
    score_window(impl, input, text.subspan(scored, end - scored), result);
    scored = end;
    result.tokens = static_cast<std::int64_t>(scored - first);
    result.windows++;
    result.seconds = watch.seconds();
    if (progress && !progress(result, total)) break;
  }
  return result;
}

}  // namespace tramontane
