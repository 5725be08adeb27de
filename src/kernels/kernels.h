#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/matrix_view.h"
#include "tramontane/model_args.h"

// What the model calls, without knowing any model. Every function is a plain loop over its arguments: no
// threads, no allocation, no exceptions, no global state. Callers split work over [begin, end) ranges and
// give each thread its own scratch. Inputs and outputs do not overlap unless a comment says they may. Floats
// may be at any 4-byte-aligned address; weights at any address.
//
// One table per instruction set. The scalar table is the definition of each operation (accumulating in
// double); the others are tested against it.
namespace tramontane {

struct IntegerProducts;

/// y[m, n] = sum over k of x[m, k] * w[n, k], for all m and for n in [row_begin, row_end).
/// For a given instruction set the bits of y[m, n] depend only on x[m, :] and w[n, :]: not on m_rows, on the
/// range of n, or on the place in memory. That is what makes batched = alone and chunked = whole exact.
struct LinearArgs {
  const float* x = nullptr;  // [m_rows, w.cols]
  std::int64_t m_rows = 0;
  MatrixView w;
  std::int64_t row_begin = 0;  // rows of w = columns of y
  std::int64_t row_end = 0;
  float* y = nullptr;  // [m_rows, y_stride], indexed by absolute n
  std::int64_t y_stride = 0;
  float* scratch = nullptr;  // linear_scratch_floats floats, 64-byte aligned
};

/// Keys and values of one sequence in one layer. Block b holds positions [b * block_tokens, (b + 1) *
/// block_tokens): at blocks[b] + key_offset the keys, [n_kv_heads, head_dim, block_tokens], so that the keys
/// of neighbouring positions fill a vector; at blocks[b] + value_offset the values, [n_kv_heads,
/// block_tokens, head_dim]; both of `dtype`, aligned to its size: float32, float16 or int8. With int8 the
/// head_dim elements of a key or value are one quantisation block: scale * q with q in [-127, 127], scales
/// float32, [n_kv_heads, block_tokens], at key_scale_offset and value_scale_offset. Entries of blocks that
/// every query's window has left may be null. The memory of positions not stored yet may hold anything.
struct KvView {
  std::span<std::byte* const> blocks;
  std::size_t key_offset = 0;
  std::size_t value_offset = 0;
  std::size_t key_scale_offset = 0;  // of int8, as the next
  std::size_t value_scale_offset = 0;
  std::int64_t block_tokens = 0;
  int n_kv_heads = 0;
  int head_dim = 0;
  DType dtype = DType::float16;

  /// Element d of the key of `position`.
  std::byte* key(int kv_head, std::int64_t position, std::int64_t d) const {
    const std::int64_t row = std::int64_t{kv_head} * head_dim + d;
    return at(key_offset, position, row * block_tokens + position % block_tokens);
  }
  /// The value of `position`: head_dim elements.
  std::byte* value(int kv_head, std::int64_t position) const {
    return at(value_offset, position, place(kv_head, position) * head_dim);
  }
  std::byte* key_scale(int kv_head, std::int64_t position) const {
    return blocks.data()[position / block_tokens] + key_scale_offset + place(kv_head, position) * kScaleBytes;
  }
  std::byte* value_scale(int kv_head, std::int64_t position) const {
    return blocks.data()[position / block_tokens] + value_scale_offset +
           place(kv_head, position) * kScaleBytes;
  }

 private:
  static constexpr std::int64_t kScaleBytes = sizeof(float);
  std::int64_t place(int kv_head, std::int64_t position) const {
    return kv_head * block_tokens + position % block_tokens;
  }
  std::byte* at(std::size_t offset, std::int64_t position, std::int64_t element) const {
    return blocks.data()[position / block_tokens] + offset +
           static_cast<std::size_t>(element) * size_of(dtype);
  }
};

/// One kv head of one position of the cache.
struct KvPlace {
  int kv_head = 0;
  std::int64_t position = 0;
};

/// Positions in a piece of the context, a multiple of 64. A query has a softmax of its own for each piece [i
/// * kContextPiece, (i + 1) * kContextPiece); the results are merged in order. So a long context can be
/// shared out without changing a bit.
inline constexpr std::int64_t kContextPiece = 1024;

/// Causal attention of `rows` consecutive queries of one sequence, row r at position first_position + r, for
/// the n_heads / n_kv_heads query heads that share `kv_head`; head h uses kv head h / (n_heads / n_kv_heads).
/// A query at p sees keys at max(0, p - window + 1) .. p (window 0: 0 .. p). out[r, h] = softmax(scale * q[r,
/// h] . k) v. The bits of out[r, h] do not depend on rows.
struct AttentionArgs {
  const float* q = nullptr;  // [rows, n_heads, head_dim], row stride q_stride
  std::int64_t q_stride = 0;
  float* out = nullptr;  // same shape, row stride out_stride
  std::int64_t out_stride = 0;
  std::int64_t rows = 0;
  std::int64_t first_position = 0;
  std::int64_t window = 0;
  float scale = 1;
  int n_heads = 0;
  int kv_head = 0;
  KvView kv;
  float* scratch = nullptr;  // attention_scratch_floats(head_dim) floats, 64-byte aligned

  std::int64_t heads_per_kv_head() const { return n_heads / kv.n_kv_heads; }
  std::int64_t queries() const { return rows * heads_per_kv_head(); }
  /// The first position that the query at `position` sees.
  std::int64_t first_seen(std::int64_t position) const {
    return window == 0 || position < window ? 0 : position - window + 1;
  }
};

/// Pieces [begin, end) of the context.
struct ContextPieces {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// Those that the queries of `args` see something of.
inline ContextPieces pieces_of(const AttentionArgs& args) {
  return {args.first_seen(args.first_position) / kContextPiece,
          (args.first_position + args.rows - 1) / kContextPiece + 1};
}

struct Kernels {
  std::string_view name;  // "scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512vbmi", "neon",
                          // "neondotprod"

  std::size_t linear_scratch_floats;
  void (*linear)(const LinearArgs&);

  /// out[k] = w[row, k] for all k: an embedding.
  void (*decode_row)(const MatrixView& w, std::int64_t row, float* out);

  /// y[i] = x[i] * weight[i] / sqrt(mean(x^2) + eps), over n elements; y may be x (Zhang & Sennrich 2019,
  /// arXiv:1910.07467).
  void (*rms_norm)(const float* x, const float* weight, float eps, std::int64_t n, float* y);

  /// Rotates each of n_heads heads of one row in place: pair i by the angle whose cosine and sine are cos[i],
  /// sin[i]; head_dim / 2 pairs, laid out as `layout` says.
  void (*rope)(float* x, int n_heads, int head_dim, const float* cos, const float* sin, RopeLayout layout);

  /// out[i] = silu(gate[i]) * up[i], silu(x) = x / (1 + exp(-x)). out may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, std::int64_t n, float* out);

  /// x[i] += y[i]
  void (*add)(float* x, const float* y, std::int64_t n);

  /// Rounds a key and a value, head_dim floats each, to the view's dtype and puts them into the cache. int8:
  /// the scale is max |x| / 127 and q = x / scale, rounded to nearest even, all in float32; a scale below the
  /// normal floats becomes 0 and a vector that is not all finite has the scale NaN, both with q = 0.
  void (*store)(const float* key, const float* value, const KvView& kv, KvPlace place);

  std::size_t (*attention_scratch_floats)(int head_dim);
  void (*attention)(const AttentionArgs&);

  /// The same piece by piece: attend_piece for each of pieces_of(args) in any order or at once, each into a
  /// part of its own, then merge_pieces over the parts, in order and one after the other. A part has room for
  /// args.queries() times part_floats(head_dim) floats and is 64-byte aligned.
  std::size_t (*part_floats)(int head_dim);
  void (*attend_piece)(const AttentionArgs&, std::int64_t piece, float* part);
  void (*merge_pieces)(const AttentionArgs&, float* parts, std::size_t stride);

  const IntegerProducts* integer = nullptr;  // null: this set has none
};

/// The definition: plain loops in double precision. Runs anywhere.
extern const Kernels scalar_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;    // needs AVX2, FMA, F16C
extern const Kernels avx512_kernels;  // needs AVX-512 F, BW, DQ, VL and the above
#elif defined(__aarch64__)
extern const Kernels neon_kernels;
#endif

/// Tables that this CPU and operating system can run, best first; the scalar one is always last.
std::span<const Kernels* const> runnable_kernels();

/// The best runnable table, or the one named by the environment variable TRAMONTANE_ISA. Throws Error when
/// that names no table or one that this machine cannot run.
const Kernels& choose_kernels();

}  // namespace tramontane
