#include "tramontane/engine.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "core/fail.h"
#include "model/model_impl.h"

namespace tramontane {
namespace {

// What the cache holds of a sequence that no request writes to.
struct Kept {
  SequenceId sequence;
  std::vector<TokenId> tokens;

  std::int64_t length() const { return static_cast<std::int64_t>(tokens.size()); }
};

// One request on its way: `tokens` is the prompt and what was drawn, of which the cache holds the first
// `processed`.
struct Active {
  Active(RequestId id_in, Request request_in, Sampler sampler_in, const Kept& prefix, std::size_t kv_bytes_in)
      : id(id_in),
        request(std::move(request_in)),
        sampler(std::move(sampler_in)),
        sequence(prefix.sequence),
        kv_bytes(kv_bytes_in),
        tokens(request.prompt),
        processed(prefix.length()),
        cached(prefix.length()) {}

  RequestId id;
  Request request;
  Sampler sampler;
  SequenceId sequence;
  std::size_t kv_bytes;  // of the cache, when it has drawn all its tokens
  std::vector<TokenId> tokens;
  std::int64_t processed;
  std::int64_t cached;  // of `processed`, what an earlier request had left
  std::optional<FinishReason> finished;
  std::string error;

  std::int64_t prompt_size() const { return static_cast<std::int64_t>(request.prompt.size()); }
  std::int64_t size() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t drawn() const { return size() - prompt_size(); }
  bool generating() const { return processed >= prompt_size(); }

  void finish(FinishReason reason, std::string message = {}) {
    if (finished) return;
    finished = reason;
    error = std::move(message);
  }
};

}  // namespace

struct Engine::Impl {
  Impl(Model& model_in, EngineOptions options_in)
      : model(model_in), options(options_in), cache(model_in.impl().make_cache()) {}

  void check(const Request& request) const;
  std::size_t kv_bytes_of(const Request& request) const;
  double memory_needed(std::size_t kv_bytes) const;
  void check_memory(std::size_t kv_bytes) const;
  Batch make_batch();
  void run(const Batch& batch);
  void advance(Active& active, std::int64_t rows, std::span<const float> logits);
  void draw(Active& active, std::span<const float> logits);
  void sweep();
  Kept take_prefix(std::span<const TokenId> prompt);
  std::int64_t usable(const Kept& kept, std::span<const TokenId> prompt) const;
  void keep(Active& active);
  void make_room(std::size_t kv_bytes);
  void forget_least_recent();
  bool interrupted() const { return options.interrupt != nullptr && options.interrupt->load(); }

  Model& model;
  EngineOptions options;
  KvCache cache;
  std::int64_t context = 0;
  std::vector<std::unique_ptr<Active>> actives;  // in order of arrival
  std::vector<Kept> kept;                        // the most recent last
  std::vector<Active*> in_batch;                 // one for each span of the current batch
  RequestId next_id = 0;
};

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::context:
      return "context";
    case FinishReason::cancelled:
      return "cancelled";
    case FinishReason::error:
      return "error";
  }
  return "?";
}

Engine::Engine(Model& model, EngineOptions options) : impl_(std::make_unique<Impl>(model, options)) {
  if (options.context < 0)
    fail("context: expected a number of tokens, or 0 for no limit, found {}", options.context);
  if (options.max_batch_rows < 1)
    fail("max_batch_rows: expected at least 1, found {}", options.max_batch_rows);
  if (options.kept_sequences < 0)
    fail("kept_sequences: expected 0 or more, found {}", options.kept_sequences);
  impl_->context = options.context != 0 ? options.context : model.args().max_position;
}
Engine::Engine(Engine&&) noexcept = default;
Engine::~Engine() = default;

Model& Engine::model() const { return impl_->model; }
std::int64_t Engine::context() const { return impl_->context; }

RequestId Engine::submit(Request request) {
  impl_->check(request);
  const std::size_t kv_bytes = impl_->kv_bytes_of(request);
  Sampler sampler(request.sampling, impl_->model.dtype(), impl_->model.args().vocab_size);
  impl_->check_memory(kv_bytes);
  Kept prefix = impl_->take_prefix(request.prompt);
  impl_->make_room(kv_bytes);
  auto active =
      std::make_unique<Active>(impl_->next_id, std::move(request), std::move(sampler), prefix, kv_bytes);
  impl_->actives.push_back(std::move(active));
  return impl_->next_id++;
}

void Engine::cancel(RequestId id) {
  for (auto& active : impl_->actives) {
    if (active->id == id) active->finish(FinishReason::cancelled);
  }
}

std::int64_t Engine::cached_tokens(RequestId id) const {
  for (const auto& active : impl_->actives) {
    if (active->id == id) return active->cached;
  }
  return 0;
}

std::size_t Engine::kv_bytes_in_use() const {
  return impl_->cache.blocks_in_use() * impl_->cache.shape().block_bytes();
}

bool Engine::step() {
  if (impl_->actives.empty()) return false;
  for (auto& active : impl_->actives) {
    if (impl_->interrupted()) active->finish(FinishReason::cancelled);
    if (active->request.max_tokens == 0) active->finish(FinishReason::length);
  }
  const Batch batch = impl_->make_batch();
  if (batch.rows() > 0) impl_->run(batch);
  impl_->sweep();
  return true;
}

void Engine::Impl::check(const Request& request) const {
  if (request.prompt.empty()) fail("prompt: expected at least one token, found none");
  if (request.max_tokens < 0) fail("max_tokens: expected 0 or more, found {}", request.max_tokens);
  model.impl().check_tokens(request.prompt);
  const auto prompt = static_cast<std::int64_t>(request.prompt.size());
  if (context != 0 && prompt >= context) {
    fail("prompt: expected fewer tokens than the context of {}, found {}", context, prompt);
  }
}

std::size_t Engine::Impl::kv_bytes_of(const Request& request) const {
  std::int64_t tokens = static_cast<std::int64_t>(request.prompt.size()) + request.max_tokens;
  if (context != 0) tokens = std::min(tokens, context);
  return model.kv_bytes(tokens, options.max_batch_rows);
}

// All requests may come to need all they asked for; kept sequences give way.
double Engine::Impl::memory_needed(std::size_t kv_bytes) const {
  auto needed = static_cast<double>(kv_bytes) - static_cast<double>(cache.allocated_bytes());
  for (const auto& active : actives) needed += static_cast<double>(active->kv_bytes);
  return needed;
}

// Refused now rather than killed by the system half-way.
void Engine::Impl::check_memory(std::size_t kv_bytes) const {
  const double needed = memory_needed(kv_bytes);
  const double available = available_memory();
  if (needed <= available) return;
  const double others = needed + static_cast<double>(cache.allocated_bytes()) - static_cast<double>(kv_bytes);
  fail("not enough memory: the KV cache of the request takes {}, those of running requests {}, {} are free",
       human_bytes(static_cast<double>(kv_bytes)), human_bytes(others), human_bytes(available));
}

// Kept sequences make way for a request that was found to fit without them.
void Engine::Impl::make_room(std::size_t kv_bytes) {
  const auto bytes_of = [&](const Kept& one) {
    return static_cast<double>(one.length() - cache.oldest(one.sequence) + cache.shape().block_tokens) *
           static_cast<double>(cache.shape().bytes_per_token());
  };
  double needed = memory_needed(kv_bytes);
  for (const Kept& one : kept) needed += bytes_of(one);
  while (!kept.empty() && needed > available_memory()) {
    needed -= bytes_of(kept.front());
    forget_least_recent();
  }
}

// How many positions of `one` serve the prompt: what both begin with, but for the prompt's last token, whose
// logits are wanted. None if the window of the next position reaches what was dropped.
std::int64_t Engine::Impl::usable(const Kept& one, std::span<const TokenId> prompt) const {
  const auto [end, ignored] =
      std::mismatch(one.tokens.begin(), one.tokens.end(), prompt.begin(), prompt.end() - 1);
  const std::int64_t length = end - one.tokens.begin();
  const int window = longest_window(model.args());
  const std::int64_t seen = window == 0 ? 0 : std::max<std::int64_t>(0, length - window + 1);
  return cache.oldest(one.sequence) <= seen ? length : 0;
}

// A kept sequence that is longer than what serves the prompt stays for others.
Kept Engine::Impl::take_prefix(std::span<const TokenId> prompt) {
  const auto best = std::max_element(kept.begin(), kept.end(), [&](const Kept& a, const Kept& b) {
    return usable(a, prompt) < usable(b, prompt);
  });
  const std::int64_t length = best == kept.end() ? 0 : usable(*best, prompt);
  if (length == 0) return {cache.create(), {}};
  if (length == best->length()) {
    Kept whole = std::move(*best);
    kept.erase(best);
    return whole;
  }
  Kept prefix{cache.fork(best->sequence), {best->tokens.begin(), best->tokens.begin() + length}};
  cache.truncate(prefix.sequence, length);
  return prefix;
}

// A pass that was interrupted may have counted positions in that it did not compute: those go.
void Engine::Impl::keep(Active& active) {
  const std::int64_t length = std::min(active.processed, cache.length(active.sequence));
  if (options.kept_sequences == 0 || active.finished == FinishReason::error || length == 0) {
    return cache.release(active.sequence);
  }
  cache.truncate(active.sequence, length);
  active.tokens.resize(static_cast<std::size_t>(length));
  kept.push_back({active.sequence, std::move(active.tokens)});
  if (kept.size() > static_cast<std::size_t>(options.kept_sequences)) forget_least_recent();
}

void Engine::Impl::forget_least_recent() {
  cache.release(kept.front().sequence);
  kept.erase(kept.begin());
}

Batch Engine::Impl::make_batch() {
  Batch batch;
  in_batch.clear();
  const auto add = [&](Active& active, std::int64_t rows) {
    const std::span<const TokenId> tokens(active.tokens);
    const bool complete = active.processed + rows == active.size();
    batch.add(active.sequence, active.processed,
              tokens.subspan(static_cast<std::size_t>(active.processed), static_cast<std::size_t>(rows)),
              complete ? Batch::Logits::last : Batch::Logits::none);
    in_batch.push_back(&active);
  };
  for (auto& active : actives) {
    if (!active->finished && active->generating()) add(*active, 1);
  }
  for (auto& active : actives) {
    const std::int64_t room = options.max_batch_rows - batch.rows();
    if (room <= 0) break;
    if (!active->finished && !active->generating())
      add(*active, std::min(room, active->size() - active->processed));
  }
  return batch;
}

void Engine::Impl::run(const Batch& batch) {
  const auto finish_all = [&](FinishReason reason, const std::string& message) {
    for (Active* active : in_batch) active->finish(reason, message);
  };
  Rows logits;
  try {
    logits = model.impl().mistral.forward(batch, cache, options.interrupt);
  } catch (const std::bad_alloc&) {
    return finish_all(FinishReason::error, "not enough memory for a forward pass");
  } catch (const Error& error) {
    return finish_all(FinishReason::error, error.what());
  }
  if (logits.data == nullptr) return finish_all(FinishReason::cancelled, "");

  std::int64_t next_logits = 0;
  for (std::size_t i = 0; i < batch.spans.size(); i++) {
    Active& active = *in_batch[i];
    const std::int64_t rows = batch.spans[i].rows;
    const bool complete = active.processed + rows == active.size();
    const float* row = complete ? logits.row(next_logits++) : nullptr;
    advance(active, rows, {row, complete ? static_cast<std::size_t>(logits.cols) : 0});
  }
}

void Engine::Impl::advance(Active& active, std::int64_t rows, std::span<const float> logits) {
  const bool was_prompt = !active.generating();
  active.processed += rows;
  if (active.finished) return;
  if (was_prompt && active.request.on_prompt)
    active.request.on_prompt(active.processed, active.prompt_size());
  if (!logits.empty() && !active.finished) draw(active, logits);
}

void Engine::Impl::draw(Active& active, std::span<const float> logits) {
  TokenId token = 0;
  try {
    token = active.sampler.sample(logits, active.tokens);
  } catch (const Error& error) {
    return active.finish(FinishReason::error, error.what());
  }
  const auto& stops = active.request.stop_tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) return active.finish(FinishReason::stop);
  active.tokens.push_back(token);
  if (active.request.on_token) active.request.on_token(token);
  if (active.drawn() >= active.request.max_tokens) return active.finish(FinishReason::length);
  if (context != 0 && active.size() >= context) return active.finish(FinishReason::context);
}

// Finished requests leave. Their callbacks may submit and cancel, so the list is settled before they run.
void Engine::Impl::sweep() {
  std::vector<std::unique_ptr<Active>> done;
  for (auto& active : actives) {
    if (!active->finished) continue;
    keep(*active);
    done.push_back(std::move(active));
  }
  std::erase(actives, nullptr);
  for (auto& active : done) {
    const FinishReason reason = active->finished.value_or(FinishReason::error);
    if (active->request.on_finish) active->request.on_finish(reason, active->error);
  }
}

}  // namespace tramontane
