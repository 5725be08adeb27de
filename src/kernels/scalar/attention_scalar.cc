#include "kernels/scalar/attention_scalar.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>

#include "core/float16.h"

// The definition of attention and of what the cache holds.
namespace tramontane::scalar {
namespace {

void store_element(float x, DType dtype, float scale, std::byte* out) {
  if (dtype == DType::float32) {
    std::memcpy(out, &x, 4);
  } else if (dtype == DType::float16) {
    const std::uint16_t bits = float_to_float16(x);
    std::memcpy(out, &bits, 2);
  } else {
    *out = static_cast<std::byte>(scale > 0 ? static_cast<int>(std::nearbyint(x / scale)) : 0);
  }
}

/// The scale of a quantisation block.
float scale_of(const float* x, int count) {
  float most = 0;
  for (int i = 0; i < count; ++i) {
    if (!std::isfinite(x[i])) return std::numeric_limits<float>::quiet_NaN();
    most = std::max(most, std::abs(x[i]));
  }
  const float scale = most / 127;
  return scale < std::numeric_limits<float>::min() ? 0 : scale;
}

/// An element of the cache without its block's scale.
double element(const std::byte* at, DType dtype) {
  return dtype == DType::int8 ? static_cast<double>(static_cast<std::int8_t>(*at))
                              : double{load_float(at, dtype, 0)};
}

double key_scale(const KvView& kv, KvPlace place) {
  if (kv.dtype != DType::int8) return 1;
  return double{load_float(kv.key_scale(place.kv_head, place.position), DType::float32, 0)};
}

double value_scale(const KvView& kv, KvPlace place) {
  if (kv.dtype != DType::int8) return 1;
  return double{load_float(kv.value_scale(place.kv_head, place.position), DType::float32, 0)};
}

double dot(const float* q, const KvView& kv, KvPlace place) {
  double sum = 0;
  for (int d = 0; d < kv.head_dim; ++d)
    sum += double{q[d]} * element(kv.key(place.kv_head, place.position, d), kv.dtype);
  return sum * key_scale(kv, place);
}

/// What one query found in a part of the context.
struct Found {
  double best;
  double total;
  double* sums;  // [head_dim]
};

/// Softmax of one query over the positions [begin, end), not yet divided by the sum of its weights.
void gather(const AttentionArgs& args, const float* q, std::int64_t begin, std::int64_t end, Found& found) {
  const KvView& kv = args.kv;
  const auto head_dim = static_cast<std::size_t>(kv.head_dim);
  found.best = -std::numeric_limits<double>::infinity();
  for (std::int64_t t = begin; t < end; ++t)
    found.best = std::max(found.best, double{args.scale} * dot(q, kv, {args.kv_head, t}));
  found.total = 0;
  std::fill_n(found.sums, head_dim, 0.0);
  for (std::int64_t t = begin; t < end; ++t) {
    const double weight = std::exp(double{args.scale} * dot(q, kv, {args.kv_head, t}) - found.best);
    const std::byte* value = kv.value(args.kv_head, t);
    const double scaled = weight * value_scale(kv, {args.kv_head, t});
    found.total += weight;
    for (std::size_t d = 0; d < head_dim; ++d)
      found.sums[d] += scaled * element(value + d * size_of(kv.dtype), kv.dtype);
  }
}

/// body(query, position, place of its head_dim floats in a row of q or out, row)
template <class Body>
void for_each_query(const AttentionArgs& args, Body&& body) {
  const std::int64_t group = args.heads_per_kv_head();
  for (std::int64_t row = 0; row < args.rows; ++row) {
    for (std::int64_t i = 0; i < group; ++i)
      body(row * group + i, row, (args.kv_head * group + i) * args.kv.head_dim);
  }
}

void put(const Found& found, int head_dim, float* out) {
  for (int d = 0; d < head_dim; ++d) out[d] = static_cast<float>(found.sums[d] / found.total);
}

std::size_t found_doubles(int head_dim) { return static_cast<std::size_t>(head_dim) + 2; }

/// One query's room in a part: best, total, sums.
double* room_in(float* part, std::int64_t query, int head_dim) {
  return reinterpret_cast<double*>(part) + static_cast<std::size_t>(query) * found_doubles(head_dim);
}

}  // namespace

void store(const float* key, const float* value, const KvView& kv, KvPlace place) {
  const bool quantized = kv.dtype == DType::int8;
  const float key_scale = quantized ? scale_of(key, kv.head_dim) : 1;
  const float value_scale = quantized ? scale_of(value, kv.head_dim) : 1;
  std::byte* values = kv.value(place.kv_head, place.position);
  for (int d = 0; d < kv.head_dim; ++d) {
    store_element(key[d], kv.dtype, key_scale, kv.key(place.kv_head, place.position, d));
    store_element(value[d], kv.dtype, value_scale, values + static_cast<std::size_t>(d) * size_of(kv.dtype));
  }
  if (!quantized) return;
  std::memcpy(kv.key_scale(place.kv_head, place.position), &key_scale, sizeof key_scale);
  std::memcpy(kv.value_scale(place.kv_head, place.position), &value_scale, sizeof value_scale);
}

std::size_t attention_scratch_floats(int head_dim) {
  return static_cast<std::size_t>(head_dim) * sizeof(double) / sizeof(float);
}

void attention(const AttentionArgs& args) {
  Found found{
      .best = 0, .total = 0, .sums = new (args.scratch) double[static_cast<std::size_t>(args.kv.head_dim)]};
  for_each_query(args, [&](std::int64_t, std::int64_t row, std::int64_t head) {
    const std::int64_t position = args.first_position + row;
    gather(args, args.q + row * args.q_stride + head, args.first_seen(position), position + 1, found);
    put(found, args.kv.head_dim, args.out + row * args.out_stride + head);
  });
}

std::size_t part_floats(int head_dim) { return found_doubles(head_dim) * sizeof(double) / sizeof(float); }

void attend_piece(const AttentionArgs& args, std::int64_t piece, float* part) {
  const int head_dim = args.kv.head_dim;
  for_each_query(args, [&](std::int64_t query, std::int64_t row, std::int64_t head) {
    const std::int64_t position = args.first_position + row;
    double* room = new (room_in(part, query, head_dim)) double[found_doubles(head_dim)];
    Found found{.best = 0, .total = 0, .sums = room + 2};
    gather(args, args.q + row * args.q_stride + head,
           std::max(args.first_seen(position), piece * kContextPiece),
           std::min(position + 1, (piece + 1) * kContextPiece), found);
    room[0] = found.best;
    room[1] = found.total;
  });
}

void merge_pieces(const AttentionArgs& args, float* parts, std::size_t stride) {
  const int head_dim = args.kv.head_dim;
  const ContextPieces pieces = pieces_of(args);
  for_each_query(args, [&](std::int64_t query, std::int64_t row, std::int64_t head) {
    double best = -std::numeric_limits<double>::infinity();
    const auto room_of = [&](std::int64_t i) {
      return room_in(parts + static_cast<std::size_t>(i) * stride, query, head_dim);
    };
    const std::int64_t count = pieces.end - pieces.begin;
    for (std::int64_t i = 0; i < count; ++i) best = std::max(best, *room_of(i));
    double* all = room_of(0);
    for (std::int64_t i = 0; i < count; ++i) {
      const double* room = room_of(i);
      const double factor = std::exp(room[0] - best);
      for (std::size_t j = 1; j < found_doubles(head_dim); ++j)
        all[j] = (i == 0 ? 0 : all[j]) + room[j] * factor;
    }
    put({best, all[1], all + 2}, head_dim, args.out + row * args.out_stride + head);
  });
}

}  // namespace tramontane::scalar
