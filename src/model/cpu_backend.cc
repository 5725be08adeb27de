#include "model/cpu_backend.h"

#include <algorithm>
#include <cstring>

namespace tramontane {
namespace {

// Work below this many elements is done by the caller alone: waking a thread costs more.
constexpr std::int64_t kWorthSharing = 16 * 1024;

// The same for attention, in multiply-adds of queries with keys: some microseconds.
constexpr std::int64_t kWorthSharingAttention = 512 * 1024;

// Queries of an item up to which a long context is shared out by pieces: decode steps.
constexpr std::int64_t kFewQueries = 32;

// Weight rows are handed out by the piece: whole panels of every kernel where there are many, and fewer where
// the matrix is too small for its threads.
std::int64_t rows_per_piece(const MatrixView& w, int threads) {
  constexpr std::int64_t kPanel = 96;
  return std::min(kPanel, (w.rows + threads - 1) / threads);
}

std::int64_t weight_pieces_of(const MatrixView& w, int threads) {
  const std::int64_t rows = rows_per_piece(w, threads);
  return (w.rows + rows - 1) / rows;
}

}  // namespace

CpuBackend::CpuBackend(const Kernels& kernels, int threads, int activation_bits, bool pin_threads)
    : kernels_(kernels),
      pool_(threads, pin_threads),
      activation_bits_(activation_bits),
      scratch_(static_cast<std::size_t>(threads)) {}

void CpuBackend::reserve_scratch(std::size_t floats) {
  if (floats <= scratch_floats_) return;
  for (auto& buffer : scratch_) buffer = allocate_host(floats * sizeof(float));
  scratch_floats_ = floats;
}

float* CpuBackend::scratch(int thread) {
  return reinterpret_cast<float*>(scratch_[static_cast<std::size_t>(thread)].get());
}

template <class Task>
void CpuBackend::for_each_row(const Rows& x, Task&& task) {
  if (x.size() < kWorthSharing) {
    for (std::int64_t row = 0; row < x.rows; row++) task(row);
  } else {
    pool_.for_each(x.rows, [&](std::int64_t row, int) { task(row); });
  }
}

void CpuBackend::embed(std::span<const TokenId> tokens, const MatrixView& w, const Rows& out) {
  for_each_row(out, [&](std::int64_t row) {
    kernels_.decode_row(w, tokens[static_cast<std::size_t>(row)], out.row(row));
  });
}

void CpuBackend::rms_norm(const Rows& x, std::span<const float> weight, float eps, const Rows& out) {
  for_each_row(
      x, [&](std::int64_t row) { kernels_.rms_norm(x.row(row), weight.data(), eps, x.cols, out.row(row)); });
}

bool CpuBackend::uses_integers(const MatrixView& w) const {
  return kernels_.integer != nullptr && activation_bits_ != 32 && has_integer_products(w);
}

void CpuBackend::quantize(const Rows& x, std::initializer_list<Projection> projections) {
  quantized_.clear();
  const int limbs =
      activation_bits_ == 8 && x.rows > 1 ? 1 : 2;  // one row is bound by memory: 16 bits cost nothing
  std::size_t bytes = 0;
  for (const auto& [w, out] : projections) {
    if (!uses_integers(w) || quantized_for(w) != nullptr) continue;
    quantized_.push_back({.spec = {.quant = w.quant, .limbs = limbs}, .rows = x.rows, .cols = x.cols});
    bytes += quantized_.back().total_bytes();
  }
  if (bytes > quantized_bytes_) {
    quantized_bytes_ = 0;  // what is left if the allocation throws
    quantized_memory_ = allocate_host(bytes);
    quantized_bytes_ = bytes;
  }
  std::byte* at = quantized_memory_.get();
  for (IntegerRows& rows : quantized_) {
    rows.at(at);
    at += rows.total_bytes();
    for_each_row(x, [&](std::int64_t row) { kernels_.integer->quantize_rows(x.data, row, row + 1, rows); });
  }
}

const IntegerRows* CpuBackend::quantized_for(const MatrixView& w) const {
  if (!uses_integers(w)) return nullptr;
  for (const IntegerRows& rows : quantized_) {
    if (rows.spec.quant == w.quant) return &rows;
  }
  return nullptr;
}

void CpuBackend::linear(const Rows& x, std::initializer_list<Projection> projections) {
  quantize(x, projections);
  std::size_t scratch_floats = kernels_.linear_scratch_floats;
  for (const IntegerRows& rows : quantized_) {
    scratch_floats = std::max(scratch_floats, kernels_.integer->scratch_floats(rows));
  }
  reserve_scratch(scratch_floats);

  const auto rows_of_w = [&](const Projection& projection, std::int64_t begin, std::int64_t end, int thread) {
    const auto& [w, out] = projection;
    if (const IntegerRows* integers = quantized_for(w)) {
      kernels_.integer->linear({*integers, w, begin, end, out.data, out.cols, scratch(thread)});
    } else {
      kernels_.linear({x.data, x.rows, w, begin, end, out.data, out.cols, scratch(thread)});
    }
  };
  std::int64_t products = 0;
  std::int64_t pieces = 0;
  for (const auto& [w, out] : projections) {
    products += w.rows * w.cols * x.rows;
    pieces += weight_pieces_of(w, pool_.size());
  }
  if (products < kWorthSharing) {
    for (const Projection& projection : projections) rows_of_w(projection, 0, projection.w.rows, 0);
    return;
  }
  pool_.for_each(pieces, [&](std::int64_t piece, int thread) {
    for (const Projection& projection : projections) {  // the pieces of one follow those of the other
      const std::int64_t count = weight_pieces_of(projection.w, pool_.size());
      if (piece < count) {
        const std::int64_t rows = rows_per_piece(projection.w, pool_.size());
        rows_of_w(projection, piece * rows, std::min(projection.w.rows, (piece + 1) * rows), thread);
        return;
      }
      piece -= count;
    }
  });
}

void CpuBackend::rope(const Rows& q, const Rows& k, const Rotations& rotations) {
  const int head_dim = static_cast<int>(2 * rotations.pairs);
  const auto rotate = [&](const Rows& x, std::int64_t row, const std::vector<float>& cos,
                          const std::vector<float>& sin) {
    const std::int64_t at = row * rotations.pairs;
    kernels_.rope(x.row(row), static_cast<int>(x.cols / head_dim), head_dim, cos.data() + at, sin.data() + at,
                  rotations.layout);
  };
  const bool same = rotations.q_cos.empty();
  for_each_row(q, [&](std::int64_t row) {
    rotate(q, row, same ? rotations.cos : rotations.q_cos, same ? rotations.sin : rotations.q_sin);
    rotate(k, row, rotations.cos, rotations.sin);
  });
}

void CpuBackend::store(const Rows& k, const Rows& v, const Batch& batch, KvCache& cache, int layer) {
  const int head_dim = cache.shape().head_dim;
  const auto store_head = [&](std::int64_t kv_head) {
    const std::int64_t at = kv_head * head_dim;
    for (const auto& span : batch.spans) {
      const KvView kv = cache.view(span.sequence, layer);
      for (std::int64_t i = 0; i < span.rows; i++) {
        kernels_.store(k.row(span.first_row + i) + at, v.row(span.first_row + i) + at, kv,
                       {static_cast<int>(kv_head), span.first_position + i});
      }
    }
  };
  // By heads: keys of neighbouring positions share cache lines.
  const std::int64_t heads = cache.shape().n_kv_heads;
  if (k.size() < kWorthSharing) {
    for (std::int64_t head = 0; head < heads; head++) store_head(head);
  } else {
    pool_.for_each(heads, [&](std::int64_t head, int) { store_head(head); });
  }
}

/// The queries of each sequence and kv head, a cache-sized number at a time.
std::vector<AttentionArgs> CpuBackend::attention_items(const Rows& q, const Batch& batch,
                                                       const KvCache& cache, const AttentionSpec& spec,
                                                       const Rows& out) {
  constexpr std::int64_t kItemQueries = 128;
  const KvCacheShape& shape = cache.shape();
  const std::int64_t group = spec.n_heads / shape.n_kv_heads;
  const std::int64_t item_rows = std::max<std::int64_t>(1, kItemQueries / group);
  std::vector<AttentionArgs> items;
  for (const auto& span : batch.spans) {
    for (int kv_head = 0; kv_head < shape.n_kv_heads; kv_head++) {
      for (std::int64_t i = 0; i < span.rows; i += item_rows) {
        items.push_back({.q = q.row(span.first_row + i),
                         .q_stride = q.cols,
                         .out = out.row(span.first_row + i),
                         .out_stride = out.cols,
                         .rows = std::min(item_rows, span.rows - i),
                         .first_position = span.first_position + i,
                         .window = spec.window,
                         .scale = spec.scale,
                         .n_heads = spec.n_heads,
                         .kv_head = kv_head,
                         .kv = cache.view(span.sequence, spec.layer)});
      }
    }
  }
  return items;
}

void CpuBackend::attention(const Rows& q, const Batch& batch, const KvCache& cache, const AttentionSpec& spec,
                           const Rows& out) {
  const int head_dim = cache.shape().head_dim;
  reserve_scratch(kernels_.attention_scratch_floats(head_dim));
  std::vector<AttentionArgs> items = attention_items(q, batch, cache, spec, out);
  std::int64_t products = 0;
  for (const AttentionArgs& args : items)
    products += args.queries() * (args.first_position + args.rows) * head_dim;
  if (products < kWorthSharingAttention) {
    for (AttentionArgs& args : items) {
      args.scratch = scratch(0);
      kernels_.attention(args);
    }
    return;
  }
  const auto by_piece = std::partition(items.begin(), items.end(), [](const AttentionArgs& args) {
    const ContextPieces pieces = pieces_of(args);
    return args.queries() > kFewQueries || pieces.end - pieces.begin == 1;
  });
  const auto whole = static_cast<std::size_t>(by_piece - items.begin());
  pool_.for_each(static_cast<std::int64_t>(whole), [&](std::int64_t item, int thread) {
    AttentionArgs args = items[static_cast<std::size_t>(item)];
    args.scratch = scratch(thread);
    kernels_.attention(args);
  });
  attend_by_piece(std::span(items).subspan(whole));
}

/// Few queries with a long context: each piece of it is an item of its own.
void CpuBackend::attend_by_piece(std::span<const AttentionArgs> items) {
  struct Part {
    const AttentionArgs* args;
    std::int64_t piece;
    std::size_t at;  // in parts_
  };
  constexpr std::size_t kLine = 16;  // floats in a cache line: every part starts on one
  const auto stride_of = [&](const AttentionArgs& args) {
    const std::size_t floats =
        static_cast<std::size_t>(args.queries()) * kernels_.part_floats(args.kv.head_dim);
    return (floats + kLine - 1) / kLine * kLine;
  };
  std::vector<Part> parts;
  std::vector<std::size_t> first_parts;  // by item
  std::size_t floats = 0;
  for (const AttentionArgs& args : items) {
    first_parts.push_back(floats);
    const ContextPieces pieces = pieces_of(args);
    for (std::int64_t piece = pieces.begin; piece < pieces.end; piece++, floats += stride_of(args))
      parts.push_back({&args, piece, floats});
  }
  if (floats > parts_floats_) {
    parts_floats_ = 0;  // what is left if the allocation throws
    parts_ = allocate_host(floats * sizeof(float));
    parts_floats_ = floats;
  }
  auto* memory = reinterpret_cast<float*>(parts_.get());
  pool_.for_each(static_cast<std::int64_t>(parts.size()), [&](std::int64_t item, int thread) {
    const Part& part = parts[static_cast<std::size_t>(item)];
    AttentionArgs args = *part.args;
    args.scratch = scratch(thread);
    kernels_.attend_piece(args, part.piece, memory + part.at);
  });
  for (std::size_t i = 0; i < items.size(); i++)
    kernels_.merge_pieces(items[i], memory + first_parts[i], stride_of(items[i]));
}

void CpuBackend::silu_mul(const Rows& gate, const Rows& up) {
  for_each_row(gate, [&](std::int64_t row) {
    kernels_.silu_mul(gate.row(row), up.row(row), gate.cols, gate.row(row));
  });
}

void CpuBackend::add(const Rows& x, const Rows& y) {
  for_each_row(x, [&](std::int64_t row) { kernels_.add(x.row(row), y.row(row), x.cols); });
}

void CpuBackend::gather(const Rows& x, std::span<const std::int64_t> rows, const Rows& out) {
  for (std::size_t i = 0; i < rows.size(); i++) {
    std::memcpy(out.row(static_cast<std::int64_t>(i)), x.row(rows[i]),
                static_cast<std::size_t>(x.cols) * sizeof(float));
  }
}

}  // namespace tramontane
