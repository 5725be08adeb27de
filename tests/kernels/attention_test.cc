#include <algorithm>

#include "kernels/fixtures.h"
#include "kernels/guarded_memory.h"
#include "support/compare.h"

namespace tramontane::testing {
namespace {

constexpr double kUnit = 1.0 / (1 << 24);

/// The tokens [0, first_position + rows) of one sequence, and queries at the end of it.
struct Shape {
  int n_heads = 4;
  int n_kv_heads = 2;
  int head_dim = 8;
  DType dtype = DType::float16;
  std::int64_t first_position = 0;
  std::int64_t rows = 1;
  std::int64_t window = 0;

  std::int64_t tokens() const { return first_position + rows; }
  std::int64_t row_floats() const { return std::int64_t{n_heads} * head_dim; }
  std::int64_t first_seen() const {
    return window > 0 ? std::max<std::int64_t>(0, first_position - window + 1) : 0;
  }
  float scale() const { return 1 / std::sqrt(static_cast<float>(head_dim)); }
  std::string name() const {
    return std::to_string(n_heads) + "/" + std::to_string(n_kv_heads) + " heads of " +
           std::to_string(head_dim) + " " + std::string(name_of(dtype)) + ", " + std::to_string(rows) +
           " rows at " + std::to_string(first_position) + ", window " + std::to_string(window);
  }
};

/// A cache with the sequence's keys and values. What no query may see is hostile: blocks before every window
/// are null, other unseen positions hold NaN, and each block ends at an inaccessible page.
class Cache {
 public:
  /// keys, values: [n_kv_heads, tokens, head_dim]
  Cache(const Shape& shape, std::int64_t block_tokens, const std::vector<float>& keys,
        const std::vector<float>& values)
      : shape_(shape), block_tokens_(block_tokens) {
    const auto head_dim = static_cast<std::size_t>(shape.head_dim);
    const auto half = static_cast<std::size_t>(shape.n_kv_heads * block_tokens) * head_dim;
    const std::size_t size = size_of(shape.dtype);
    value_offset_ = (half * size + 63) / 64 * 64;
    key_scale_offset_ = value_offset_ + (half * size + 63) / 64 * 64;
    const std::size_t scales = shape.dtype == DType::int8 ? half / head_dim * sizeof(float) : 0;
    for (std::int64_t first = 0; first < shape.tokens(); first += block_tokens) {
      if (first + block_tokens <= shape.first_seen()) {
        blocks_.push_back(nullptr);
        continue;
      }
      const std::size_t bytes = key_scale_offset_ + 2 * scales;
      const auto& memory = memory_.emplace_back(std::make_unique<GuardedMemory>(bytes, Edge::end));
      blocks_.push_back(memory->data());
    }
    fill(keys, values);
  }

  KvView view() const {
    return {.blocks = blocks_,
            .key_offset = 0,
            .value_offset = value_offset_,
            .key_scale_offset = key_scale_offset_,
            .value_scale_offset = key_scale_offset_ +
                                  static_cast<std::size_t>(shape_.n_kv_heads * block_tokens_) * sizeof(float),
            .block_tokens = block_tokens_,
            .n_kv_heads = shape_.n_kv_heads,
            .head_dim = shape_.head_dim,
            .dtype = shape_.dtype};
  }

 private:
  void fill(const std::vector<float>& keys, const std::vector<float>& values) {
    const auto head_dim = static_cast<std::size_t>(shape_.head_dim);
    const std::vector<float> unseen(head_dim, NAN);
    const KvView kv = view();
    for (int head = 0; head < shape_.n_kv_heads; ++head) {
      for (std::int64_t t = 0; t < static_cast<std::int64_t>(blocks_.size()) * block_tokens_; ++t) {
        if (blocks_[static_cast<std::size_t>(t / block_tokens_)] == nullptr) continue;
        const bool seen = t >= shape_.first_seen() && t < shape_.tokens();
        const std::size_t at = static_cast<std::size_t>(head * shape_.tokens() + t) * head_dim;
        scalar_kernels.store(seen ? &keys[at] : unseen.data(), seen ? &values[at] : unseen.data(), kv,
                             {head, t});
      }
    }
  }

  Shape shape_;
  std::int64_t block_tokens_;
  std::size_t value_offset_ = 0;
  std::size_t key_scale_offset_ = 0;
  std::vector<std::unique_ptr<GuardedMemory>> memory_;
  std::vector<std::byte*> blocks_;
};

struct Problem {
  Shape shape;
  std::vector<float> q, keys, values;

  Problem(const Shape& s, unsigned seed) : shape(s) {
    const auto tokens = static_cast<std::size_t>(s.n_kv_heads * s.tokens() * s.head_dim);
    q = random_floats(static_cast<std::size_t>(s.rows * s.row_floats()), seed);
    keys = random_floats(tokens, seed + 1);
    values = random_floats(tokens, seed + 2);
  }
};

constexpr float kGuard = 54321;
constexpr std::int64_t kGap = 5;  // floats between rows of the output

enum class Way { whole, by_piece };

void attend(const Kernels& kernels, const AttentionArgs& args, Way way) {
  if (way == Way::whole) {
    kernels.attention(args);
    return;
  }
  const std::size_t stride =
      (static_cast<std::size_t>(args.queries()) * kernels.part_floats(args.kv.head_dim) + 15) / 16 * 16;
  const ContextPieces pieces = pieces_of(args);
  Scratch parts(static_cast<std::size_t>(pieces.end - pieces.begin) * stride);
  for (std::int64_t piece = pieces.end; piece-- > pieces.begin;)  // any order will do
    kernels.attend_piece(args, piece, parts.data() + static_cast<std::size_t>(piece - pieces.begin) * stride);
  kernels.merge_pieces(args, parts.data(), stride);
}

/// [rows, n_heads, head_dim] in rows of row_floats + kGap; `chunk` rows at a time. Fails on writes elsewhere.
std::vector<float> attend(const Kernels& kernels, const Problem& problem, std::int64_t block_tokens,
                          std::int64_t chunk, Way way = Way::whole, float scratch_fill = NAN) {
  const Shape& shape = problem.shape;
  const Cache cache(shape, block_tokens, problem.keys, problem.values);
  const std::int64_t stride = shape.row_floats() + kGap;
  std::vector<float> out(static_cast<std::size_t>(shape.rows * stride), kGuard);
  Scratch scratch(kernels.attention_scratch_floats(shape.head_dim), scratch_fill);
  for (int kv_head = 0; kv_head < shape.n_kv_heads; ++kv_head) {
    for (std::int64_t row = 0; row < shape.rows; row += chunk) {
      attend(kernels,
             {.q = problem.q.data() + row * shape.row_floats(),
              .q_stride = shape.row_floats(),
              .out = out.data() + row * stride,
              .out_stride = stride,
              .rows = std::min(chunk, shape.rows - row),
              .first_position = shape.first_position + row,
              .window = shape.window,
              .scale = shape.scale(),
              .n_heads = shape.n_heads,
              .kv_head = kv_head,
              .kv = cache.view(),
              .scratch = scratch.data()},
             way);
    }
  }
  std::vector<float> values;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (static_cast<std::int64_t>(i) % stride < shape.row_floats()) {
      values.push_back(out[i]);
    } else {
      EXPECT_EQ(out[i], kGuard) << "between rows";
    }
  }
  return values;
}

double greatest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(double{value}));
  return most;
}

/// A score is a sum of head_dim terms in order, each partial sum rounded by `unit` of itself at most. The
/// vectors here have random directions: the partial sum of j terms is near scale * |q||k| * sqrt(j) /
/// head_dim, so that all roundings together stay below one at the full scale * |q||k|; head_dim / 8 + 6 of
/// them are allowed. The error of a score is the relative error of its weight, plus 4 for exp, 8 for the sums
/// of each span of 64 and 4 for the rescaling after it. A result is a mean by those weights (numerator and
/// denominator: twice) and takes one rounding per key; the scales of int8 round a score and a weight once
/// more, which is within that. Over many results the roundings are independent and add up as their root,
/// hence relative_l2.
Tolerance tolerance_of(const Problem& problem, const std::vector<float>& want) {
  const Shape& shape = problem.shape;
  const auto head_dim = static_cast<std::size_t>(shape.head_dim);
  const auto longest = [head_dim](const std::vector<float>& rows) {
    double most = 0;
    for (std::size_t i = 0; i < rows.size(); i += head_dim) {
      double squares = 0;
      for (std::size_t d = 0; d < head_dim; ++d) squares += double{rows[i + d]} * double{rows[i + d]};
      most = std::max(most, std::sqrt(squares));
    }
    return most;
  };
  const double score = longest(problem.q) * longest(problem.keys) * double{shape.scale()};
  const auto keys = static_cast<double>(shape.window > 0 ? shape.window : shape.tokens());
  const double in_score = static_cast<double>(head_dim) / 8 + 6;
  const double spans = keys / 64 + 2;
  const double size = greatest(problem.values);
  double norm = 0;
  for (const float value : want) norm += double{value} * double{value};
  const double typical = size * std::sqrt(static_cast<double>(want.size()) / norm);
  return {
      .relative_l2 = kUnit * typical * (2 * (std::sqrt(in_score) * score + 4 + 12 * spans) + std::sqrt(keys)),
      .max_abs = kUnit * size * (2 * (in_score * score + 4 + 12 * spans) + keys)};
}

std::vector<Shape> shapes() {
  std::vector<Shape> all;
  const std::pair<int, int> heads[] = {{4, 2}, {1, 1}, {6, 1}, {8, 8}, {5, 5}, {12, 4}};
  const std::int64_t windows[] = {0, 1, 7, 40, 64, 100, 1000};
  std::mt19937 random(11);
  const auto below = [&random](std::size_t n) { return random() % n; };
  for (const int head_dim : {2, 6, 8, 80, 128, 256}) {
    for (const DType dtype : {DType::float16, DType::float32, DType::int8}) {
      for (int i = 0; i < 6; ++i) {
        const auto [n_heads, n_kv_heads] = heads[below(std::size(heads))];
        all.push_back({.n_heads = n_heads,
                       .n_kv_heads = n_kv_heads,
                       .head_dim = head_dim,
                       .dtype = dtype,
                       .first_position = static_cast<std::int64_t>(i % 2 == 0 ? 0 : below(300)),
                       .rows = static_cast<std::int64_t>(1 + below(i % 3 == 0 ? 3 : 90)),
                       .window = windows[below(std::size(windows))]});
      }
    }
  }
  // More than one piece of the context, with and without a window that begins within one.
  all.push_back({.head_dim = 32, .first_position = 1020, .rows = 9});
  all.push_back({.head_dim = 32, .first_position = 2000, .rows = 60});
  all.push_back({.head_dim = 8, .dtype = DType::float32, .first_position = 2040, .rows = 40, .window = 1000});
  all.push_back({.n_heads = 2, .head_dim = 16, .first_position = 3100, .rows = 30, .window = 1050});
  all.push_back({.head_dim = 64, .dtype = DType::int8, .first_position = 1500, .rows = 20});
  return all;
}

TEST(Attention, AgreesWithScalarForRandomShapes) {
  unsigned seed = 1;
  for (const Shape& shape : shapes()) {
    const Problem problem(shape, seed += 3);
    const std::vector<float> want = attend(scalar_kernels, problem, 16, shape.rows);
    for (const Kernels* kernels : vector_kernels()) {
      EXPECT_TRUE(close(attend(*kernels, problem, 16, shape.rows), want, tolerance_of(problem, want)))
          << kernels->name << " " << shape.name();
    }
  }
}

TEST(Attention, ChunkedEqualsWholeAndPagedEqualsContiguousBitForBit) {
  unsigned seed = 2;
  for (const Shape& shape : shapes()) {
    const Problem problem(shape, seed += 3);
    for (const Kernels* kernels : vector_kernels()) {
      const std::vector<float> whole = attend(*kernels, problem, shape.tokens(), shape.rows);
      for (const auto& [block_tokens, chunk] : {std::pair{1, 1}, {7, 5}, {16, 64}, {64, 3}, {96, 33}}) {
        EXPECT_TRUE(same_bits(attend(*kernels, problem, block_tokens, chunk), whole))
            << kernels->name << " " << shape.name() << " blocks of " << block_tokens << ", chunks of "
            << chunk;
      }
    }
  }
}

TEST(Attention, PieceByPieceEqualsWholeBitForBit) {
  unsigned seed = 3;
  for (const Shape& shape : shapes()) {
    const Problem problem(shape, seed += 3);
    for (const Kernels* kernels : runnable_kernels()) {
      const std::vector<float> whole = attend(*kernels, problem, 64, shape.rows);
      const std::vector<float> pieces = attend(*kernels, problem, 64, shape.rows, Way::by_piece);
      // The definition adds up in double, where pieces may differ in the last bit.
      const bool definition = kernels == &scalar_kernels;
      EXPECT_TRUE(definition ? close(pieces, whole, {.relative_l2 = kUnit, .max_abs = 4 * kUnit})
                             : same_bits(pieces, whole))
          << kernels->name << " " << shape.name();
    }
  }
}

TEST(Attention, WindowLongerThanTheSequenceChangesNothing) {
  for (const Kernels* kernels : runnable_kernels()) {
    Problem problem({.head_dim = 16, .first_position = 60, .rows = 20}, 1);
    const std::vector<float> full = attend(*kernels, problem, 16, 20);
    problem.shape.window = 80;
    EXPECT_TRUE(same_bits(attend(*kernels, problem, 16, 20), full)) << kernels->name;
    problem.shape.window = 79;
    EXPECT_FALSE(same_bits(attend(*kernels, problem, 16, 20), full)) << kernels->name;
  }
}

TEST(Attention, WindowOfOneReturnsTheTokensOwnValue) {
  for (const Kernels* kernels : runnable_kernels()) {
    const Shape shape{
        .n_heads = 2, .n_kv_heads = 1, .dtype = DType::float32, .first_position = 70, .rows = 3, .window = 1};
    const Problem problem(shape, 1);
    const std::vector<float> out = attend(*kernels, problem, 16, 3);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t token = 70 + i / 16;
      EXPECT_EQ(out[i], problem.values[token * 8 + i % 8]) << kernels->name;
    }
  }
}

/// Two keys with scores 0 and -d, values 0 and 1: out = e^-d / (1 + e^-d), which shows e^-d to its last bits.
/// With a head_dim of 4 the scale is 1/2 and the scores are exact, so that the roundings are: 2 for exp (1
/// for its last operation, 0.35 for the one before, 0.25 for each of the two that reduce the argument), the
/// sum, and the quotient.
TEST(Attention, WeighsDistantScoresAccurately) {
  for (const Kernels* kernels : runnable_kernels()) {
    for (float d = 0; d < 86; d += 0.0173F) {
      Problem problem(
          {.n_heads = 1, .n_kv_heads = 1, .head_dim = 4, .dtype = DType::float32, .first_position = 1}, 1);
      problem.q = {2, 0, 0, 0};
      problem.keys = {0, 0, 0, 0, -d, 0, 0, 0};
      problem.values = {0, 0, 0, 0, 1, -1, 2, 0};
      const double want = std::exp(-double{d}) / (1 + std::exp(-double{d}));
      const std::vector<float> out = attend(*kernels, problem, 4, 1);
      EXPECT_NEAR(out[0], want, want * 4 * kUnit) << kernels->name << " " << d;
      EXPECT_EQ(out[1], -out[0]) << kernels->name;
    }
  }
}

TEST(Attention, HugeScoresPickTheirKey) {
  for (const Kernels* kernels : runnable_kernels()) {
    Problem problem(
        {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2, .dtype = DType::float32, .first_position = 99}, 1);
    problem.q = {1e19F, 1e19F};
    std::fill(problem.keys.begin(), problem.keys.end(), -1e18F);
    problem.keys[2 * 37] = 1e18F;
    const std::vector<float> out = attend(*kernels, problem, 16, 1);
    EXPECT_EQ(out[0], problem.values[2 * 37]) << kernels->name;
    EXPECT_EQ(out[1], problem.values[2 * 37 + 1]) << kernels->name;
  }
}

TEST(Attention, KeysOfInfiniteDistanceHaveNoWeight) {
  for (const Kernels* kernels : runnable_kernels()) {
    Problem problem(
        {.n_heads = 1, .n_kv_heads = 1, .head_dim = 2, .dtype = DType::float32, .first_position = 99}, 1);
    problem.q = {1e30F, 0};
    for (std::size_t t = 0; t < 100; ++t) problem.keys[2 * t] = -1e30F;  // their scores overflow to -infinity
    problem.keys[2 * 80] = 0;
    const std::vector<float> out = attend(*kernels, problem, 16, 1);
    EXPECT_EQ(out[0], problem.values[2 * 80]) << kernels->name;
  }
}

TEST(Attention, NoKeyOfAnyWeightIsNanWhateverWasThereBefore) {
  for (const Kernels* kernels : runnable_kernels()) {
    Problem problem({.n_heads = 1, .n_kv_heads = 1, .head_dim = 2, .dtype = DType::float32}, 1);
    problem.q = {1, 0};
    problem.keys = {-INFINITY, 0};
    for (const Way way : {Way::whole, Way::by_piece}) {
      for (const float value : attend(*kernels, problem, 16, 1, way, 7))
        EXPECT_TRUE(std::isnan(value)) << kernels->name;
    }
  }
}

}  // namespace
}  // namespace tramontane::testing
