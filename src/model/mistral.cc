#include "model/mistral.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tramontane {

// --- Attention ---

Attention::Attention(const ModelArgs& args, const LayerWeights& weights, int layer)
    : w_(weights),
      spec_{.layer = layer,
            .n_heads = args.n_heads,
            .window = args.sliding_window[static_cast<std::size_t>(layer)],
            .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(args.head_dim)))} {}

void Attention::operator()(const Rows& x, const Step& step, const Rows& out) const {
  auto& [batch, rotations, cache, backend, work] = step;
  backend.linear(x, {{w_.wq, work.q}, {w_.wk, work.k}, {w_.wv, work.v}});
  backend.rope(work.q, work.k, rotations);
  backend.store(work.k, work.v, batch, cache, spec_.layer);
  backend.attention(work.q, batch, cache, spec_, work.attended);
  backend.linear(work.attended, {{w_.wo, out}});
}

// --- FeedForward ---

void FeedForward::operator()(const Rows& x, const Step& step, const Rows& out) const {
  const Rows gate = step.work.gate.first(x.rows);
  const Rows up = step.work.up.first(x.rows);
  step.backend.linear(x, {{w_.w1, gate}, {w_.w3, up}});
  step.backend.silu_mul(gate, up);
  step.backend.linear(gate, {{w_.w2, out}});
}

// --- TransformerBlock ---

TransformerBlock::TransformerBlock(const ModelArgs& args, const LayerWeights& weights, int layer)
    : attention_(args, weights, layer), feed_forward_(weights), w_(weights), norm_eps_(args.norm_eps) {}

void TransformerBlock::attend(const Rows& h, const Step& step) const {
  const Rows& x = step.work.x;
  const Rows& r = step.work.r;
  step.backend.rms_norm(h, w_.attention_norm, norm_eps_, x);
  attention_(x, step, r);
  step.backend.add(h, r);
}

void TransformerBlock::feed_forward(const Rows& h, const Step& step) const {
  const Rows x = step.work.x.first(h.rows);
  const Rows r = step.work.r.first(h.rows);
  step.backend.rms_norm(h, w_.ffn_norm, norm_eps_, x);
  feed_forward_(x, step, r);
  step.backend.add(h, r);
}

// --- Mistral ---

Mistral::Mistral(ModelArgs args, Weights weights, Backend& backend)
    : args_(std::move(args)),
      weights_(std::move(weights)),
      backend_(backend),
      rope_(args_),
      work_(args_, backend) {
  for (int layer = 0; layer < args_.n_layers; layer++) {
    layers_.emplace_back(args_, weights_.layers[static_cast<std::size_t>(layer)], layer);
  }
}

Rows Mistral::forward(const Batch& batch, KvCache& cache, const std::atomic<bool>* interrupt) {
  work_.resize(batch.rows(), static_cast<std::int64_t>(batch.logit_rows.size()));
  rope_.rotations(batch, rotations_);
  for (const auto& span : batch.spans) cache.extend(span.sequence, span.rows);

  const Step step{batch, rotations_, cache, backend_, work_};
  backend_.embed(batch.tokens, weights_.tok_embeddings, work_.h);
  for (const auto& layer : layers_) {
    if (interrupt != nullptr && interrupt->load(std::memory_order_relaxed)) return {};
    layer.attend(work_.h, step);
    if (&layer == &layers_.back()) break;
    layer.feed_forward(work_.h, step);
  }
  drop_unseen(batch, cache);
  if (batch.logit_rows.empty()) return work_.logits;

  // Nobody looks at the other rows any more.
  backend_.gather(work_.h, batch.logit_rows, work_.last);
  layers_.back().feed_forward(work_.last, step);
  backend_.rms_norm(work_.last, weights_.norm, args_.norm_eps, work_.last);
  backend_.linear(work_.last, {{weights_.output, work_.logits}});
  return work_.logits;
}

void Mistral::drop_unseen(const Batch& batch, KvCache& cache) const {
  const int window = longest_window(args_);
  if (window == 0) return;
  for (const auto& span : batch.spans) {
    const std::int64_t next = span.first_position + span.rows;
    cache.drop_before(span.sequence, std::max<std::int64_t>(0, next - window + 1));
  }
}

int longest_window(const ModelArgs& args) {
  const auto [shortest, longest] =
      std::minmax_element(args.sliding_window.begin(), args.sliding_window.end());
  return *shortest == 0 ? 0 : *longest;
}

// --- Workspace ---

void Workspace::resize(std::int64_t rows, std::int64_t logit_rows) {
  const std::int64_t q_cols = std::int64_t{args_.n_heads} * args_.head_dim;
  const std::int64_t kv_cols = std::int64_t{args_.n_kv_heads} * args_.head_dim;
  const std::pair<Rows*, Rows> views[] = {
      {&h, {nullptr, rows, args_.dim}},
      {&x, {nullptr, rows, args_.dim}},
      {&r, {nullptr, rows, args_.dim}},
      {&q, {nullptr, rows, q_cols}},
      {&k, {nullptr, rows, kv_cols}},
      {&v, {nullptr, rows, kv_cols}},
      {&attended, {nullptr, rows, q_cols}},
      {&gate, {nullptr, rows, args_.hidden_dim}},
      {&up, {nullptr, rows, args_.hidden_dim}},
      {&last, {nullptr, logit_rows, args_.dim}},
      {&logits, {nullptr, logit_rows, args_.vocab_size}},
  };
  constexpr std::size_t kLine = 16;  // floats in a cache line: every view starts on one
  const auto padded = [](const Rows& view) {
    return (static_cast<std::size_t>(view.size()) + kLine - 1) / kLine * kLine;
  };

  std::size_t needed = 0;
  for (const auto& [member, view] : views) needed += padded(view);
  if (needed > capacity_) {
    memory_.reset();
    capacity_ = 0;  // what is left if the allocation throws
    memory_ = backend_.allocate(needed * sizeof(float));
    capacity_ = needed;
  }
  auto* at = reinterpret_cast<float*>(memory_.get());
  for (const auto& [member, view] : views) {
    *member = {at, view.rows, view.cols};
    at += padded(view);
  }
}

}  // namespace tramontane
