#include "tramontane/perplexity.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "core/fail.h"
#include "engine/stopwatch.h"
#include "model/model_impl.h"

namespace tramontane {
namespace {

constexpr std::int64_t kBatchRows = 256;

using Logits = std::span<const float>;

/// log(sum(exp(logits))), in double precision.
double log_sum_exp(Logits logits) {
  const double highest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - highest);
  return std::log(sum) + highest;
}

/// One sequence that a model reads batch by batch.
class Reader {
 public:
  Reader(Model::Impl& model, const std::atomic<bool>* interrupt)
      : model_(model), interrupt_(interrupt), cache_(model.make_cache()), sequence_(cache_.create()) {}

  /// The logits of all of `tokens`, or of none.
  Rows read(std::span<const TokenId> tokens, bool logits) {
    Batch batch;
    batch.add(sequence_, cache_.length(sequence_), tokens, logits ? Batch::Logits::all : Batch::Logits::none);
    return model_.mistral.forward(batch, cache_, interrupt_);
  }

 private:
  Model::Impl& model_;
  const std::atomic<bool>* interrupt_;
  KvCache cache_;
  SequenceId sequence_;
};

void add_token(Logits logits, double log_sum, TokenId token, PerplexityResult& result) {
  const double nats = log_sum - logits[static_cast<std::size_t>(token)];
  if (!std::isfinite(nats)) fail("logits: expected finite numbers to score a token, found {}", nats);
  result.nats += nats;
  result.nats_squared += nats * nats;
}

void add_divergence(Logits logits, double log_sum, Logits reference, TokenId token,
                    PerplexityResult& result) {
  const double reference_log_sum = log_sum_exp(reference);
  if (!std::isfinite(reference_log_sum)) {
    fail("logits of the reference: expected finite numbers, found {}", reference_log_sum);
  }
  double divergence = 0;
  for (std::size_t i = 0; i < logits.size(); i++) {
    const double log_p = reference[i] - reference_log_sum;
    divergence += std::exp(log_p) * (log_p - (logits[i] - log_sum));
  }
  result.divergence += divergence;
  result.reference_nats += reference_log_sum - reference[static_cast<std::size_t>(token)];
  const auto best = [](Logits l) { return std::max_element(l.begin(), l.end()) - l.begin(); };
  result.same_best += best(logits) == best(reference) ? 1 : 0;
}

/// Runs one window through the models: `input` in order, of which the last targets.size() rows predict
/// `targets`. False when it was interrupted on the way, with part of the sums.
bool score_window(Model::Impl& model, const PerplexityOptions& options, std::span<const TokenId> input,
                  std::span<const TokenId> targets, PerplexityResult& result) {
  Reader reader(model, options.interrupt);
  std::optional<Reader> other;
  if (options.reference != nullptr) other.emplace(options.reference->impl(), options.interrupt);
  std::size_t context = input.size() - targets.size();
  while (!input.empty()) {
    const bool scored = context == 0;
    const std::size_t rows = std::min<std::size_t>(scored ? input.size() : context, kBatchRows);
    const Rows logits = reader.read(input.first(rows), scored);
    const Rows expected = other ? other->read(input.first(rows), scored) : Rows{};
    if (options.interrupt != nullptr && options.interrupt->load(std::memory_order_relaxed)) return false;
    for (std::size_t i = 0; scored && i < rows; i++) {
      const auto row_of = [i](const Rows& r) {
        return Logits(r.row(static_cast<std::int64_t>(i)), static_cast<std::size_t>(r.cols));
      };
      const double log_sum = log_sum_exp(row_of(logits));
      add_token(row_of(logits), log_sum, targets[i], result);
      if (other) add_divergence(row_of(logits), log_sum, row_of(expected), targets[i], result);
    }
    if (scored) {
      targets = targets.subspan(rows);
    } else {
      context -= rows;
    }
    input = input.subspan(rows);
  }
  return true;
}

void check(const PerplexityOptions& options, const Model& model) {
  const int vocab_size = model.args().vocab_size;
  if (options.window < 2) fail("window: expected at least 2 tokens, found {}", options.window);
  if (options.stride < 1) fail("stride: expected at least 1 token, found {}", options.stride);
  if (options.stride >= options.window) {
    fail("stride: expected fewer tokens than the window of {}, found {}", options.window, options.stride);
  }
  if (options.reference == &model) fail("reference: expected another model, found the same one");
  if (options.reference != nullptr && options.reference->args().vocab_size != vocab_size) {
    fail("reference: expected a vocabulary of {} tokens, found {}", vocab_size,
         options.reference->args().vocab_size);
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
  check(options, model);
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
    PerplexityResult so_far = result;
    if (!score_window(impl, options, input, text.subspan(scored, end - scored), so_far)) break;
    result = so_far;
    scored = end;
    result.tokens = static_cast<std::int64_t>(scored - first);
    result.windows++;
    result.seconds = watch.seconds();
    if (progress && !progress(result, total)) break;
  }
  return result;
}

}  // namespace tramontane
