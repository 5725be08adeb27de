#include "tramontane/engine.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "core/fail.h"
#include "model/model_impl.h"

namespace tramontane {
namespace {

// One request on its way: `tokens` is the prompt and what was drawn, of which the cache holds the first
// `processed`.
struct Active {
  Active(RequestId id_in, Request request_in, Sampler sampler_in, SequenceId sequence_in,
         std::size_t kv_bytes_in)
      : id(id_in),
        request(std::move(request_in)),
        sampler(std::move(sampler_in)),
        sequence(sequence_in),
        kv_bytes(kv_bytes_in),
        tokens(request.prompt) {}

  RequestId id;
  Request request;
  Sampler sampler;
  SequenceId sequence;
  std::size_t kv_bytes;  // of the cache, when it has drawn all its tokens
  std::vector<TokenId> tokens;
  std::int64_t processed = 0;
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
  void check_memory(std::size_t kv_bytes) const;
  Batch make_batch();
  void run(const Batch& batch);
  void advance(Active& active, std::int64_t rows, std::span<const float> logits);
  void draw(Active& active, std::span<const float> logits);
  void sweep();
  bool interrupted() const { return options.interrupt != nullptr && options.interrupt->load(); }

  Model& model;
  EngineOptions options;
  KvCache cache;
  std::int64_t context = 0;
  std::vector<std::unique_ptr<Active>> actives;  // in order of arrival
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
  impl_->context = options.context != 0 ? options.context : model.args().max_position;
}
Engine::Engine(Engine&&) noexcept = default;
Engine::~Engine() = default;

std::int64_t Engine::context() const { return impl_->context; }

RequestId Engine::submit(Request request) {
  impl_->check(request);
  const std::size_t kv_bytes = impl_->kv_bytes_of(request);
  impl_->check_memory(kv_bytes);
  Sampler sampler(request.sampling, impl_->model.dtype(), impl_->model.args().vocab_size);
  auto active = std::make_unique<Active>(impl_->next_id, std::move(request), std::move(sampler),
                                         impl_->cache.create(), kv_bytes);
  impl_->actives.push_back(std::move(active));
  return impl_->next_id++;
}

void Engine::cancel(RequestId id) {
  for (auto& active : impl_->actives) {
    if (active->id == id) active->finish(FinishReason::cancelled);
  }
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

// Refused now rather than killed by the system half-way: all requests may come to need all they asked for.
void Engine::Impl::check_memory(std::size_t kv_bytes) const {
  double others = 0;
  for (const auto& active : actives) others += static_cast<double>(active->kv_bytes);
  const double needed = others + static_cast<double>(kv_bytes) - static_cast<double>(cache.allocated_bytes());
  const double available = available_memory();
  if (needed > available) {
    fail("not enough memory: the KV cache of the request takes {}, those of running requests {}, {} are free",
         human_bytes(static_cast<double>(kv_bytes)), human_bytes(others), human_bytes(available));
  }
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
    cache.release(active->sequence);
    done.push_back(std::move(active));
  }
  std::erase(actives, nullptr);
  for (auto& active : done) {
    const FinishReason reason = active->finished.value_or(FinishReason::error);
    if (active->request.on_finish) active->request.on_finish(reason, active->error);
  }
}

}  // namespace tramontane
