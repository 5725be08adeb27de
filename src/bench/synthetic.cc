#include "bench/synthetic.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "bench/huge_memory.h"
#include "core/fail.h"
#include "core/float16.h"
#include "core/small_float.h"
#include "core/thread_pool.h"

namespace tramontane::bench {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kValues = 256;  // different floats in a matrix, so that a random byte picks one

/// SplitMix64 (Steele, Lea & Flood 2014): a random 64-bit number after the other.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U) {}
  std::uint64_t operator()() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

void fill_random(std::byte* out, std::size_t bytes, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = 0; i < bytes; i += 8) {
    const std::uint64_t word = random();
    std::memcpy(out + i, &word, std::min<std::size_t>(8, bytes - i));
  }
}

/// `count` elements, each one of values(0 .. kValues - 1) rounded to Element; the same seed picks the same.
template <class Element, class Values>
void fill_picked(std::byte* out, std::size_t count, std::uint64_t seed, Values&& values) {
  std::array<Element, kValues> table;
  for (std::size_t i = 0; i < kValues; i++) table[i] = values(i);
  Random random(seed);
  for (std::size_t i = 0; i < count; i += 8) {
    const std::uint64_t word = random();
    for (std::size_t j = i; j < std::min(i + 8, count); j++) {
      const Element value = table[(word >> (8 * (j - i))) & 0xff];
      std::memcpy(out + j * sizeof value, &value, sizeof value);
    }
  }
}

template <class Values>
void fill_floats(std::byte* out, std::size_t count, DType dtype, std::uint64_t seed, Values&& values) {
  if (dtype == DType::float32) {
    fill_picked<std::uint32_t>(out, count, seed,
                               [&](std::size_t i) { return std::bit_cast<std::uint32_t>(values(i)); });
  } else {
    fill_picked<std::uint16_t>(out, count, seed, [&](std::size_t i) {
      return dtype == DType::float16 ? float_to_float16(values(i)) : float_to_bfloat16(values(i));
    });
  }
}

/// i of kValues, evenly spread over (-1, 1).
float even(std::size_t i) { return (2.0F * static_cast<float>(i) + 1) / kValues - 1; }

double scale_value(QuantMode mode, int code) {
  const auto bits = static_cast<std::uint8_t>(code);
  return mode == QuantMode::nvfp4 ? e4m3_to_float(bits) : e8m0_to_float(bits);
}

/// One of the two scales around `wanted`, i of kValues: as often the greater one as makes the squares right.
std::uint8_t small_scale(QuantMode mode, double wanted, std::size_t i) {
  int code = mode == QuantMode::nvfp4 ? 0 : 127 + std::ilogb(wanted);
  while (scale_value(mode, code + 1) <= wanted) code++;
  const double less = std::pow(scale_value(mode, code), 2);
  const double more = std::pow(scale_value(mode, code + 1), 2);
  const double share = (wanted * wanted - less) / (more - less);
  return static_cast<std::uint8_t>(static_cast<double>(i) < share * kValues ? code + 1 : code);
}

void fill_small_floats(const MatrixView& w, std::byte* data, std::byte* scales, std::uint64_t seed) {
  const auto rows = static_cast<std::size_t>(w.rows);
  const bool bytes = w.quant.mode == QuantMode::mxfp8;
  fill_random(data, rows * w.row_bytes(), seed);
  for (std::size_t i = 0; bytes && i < rows * w.row_bytes(); i++) {
    if ((data[i] & std::byte{0x7f}) == std::byte{0x7f}) data[i] ^= std::byte{1};  // no NaN
  }
  const double of_elements = bytes ? 107.2 : 2.926;  // the deviation of uniform codes
  const double usual = 1 / (of_elements * std::sqrt(static_cast<double>(w.cols)));
  fill_picked<std::uint8_t>(scales, rows * w.groups_per_row(), seed + 1,
                            [&](std::size_t i) { return small_scale(w.quant.mode, usual, i); });
}

/// Weights of mean 0 and variance 1 / cols, which keep a product's outputs as large as its inputs.
void fill(const MatrixView& w, std::byte* data, std::byte* scales, std::byte* biases, std::uint64_t seed) {
  const auto rows = static_cast<std::size_t>(w.rows);
  const auto cols = static_cast<double>(w.cols);
  if (!w.quantized()) {  // uniform in (-a, a): variance a^2 / 3
    const auto top = static_cast<float>(std::sqrt(3 / cols));
    fill_floats(data, rows * static_cast<std::size_t>(w.cols), w.dtype, seed,
                [top](std::size_t i) { return top * even(i); });
    return;
  }
  if (!w.has_biases()) return fill_small_floats(w, data, scales, seed);
  fill_random(data, rows * w.row_bytes(), seed);
  // q is uniform in 0 .. most: mean most / 2, variance ((most + 1)^2 - 1) / 12. Scales vary by a quarter.
  const double most = std::exp2(w.quant.bits) - 1;
  const double usual = std::sqrt(12 / (most * (most + 2)) / cols);
  const auto scale = [usual](std::size_t i) { return static_cast<float>(usual * (1 + 0.25 * even(i))); };
  const auto bias = [&](std::size_t i) { return static_cast<float>(-scale(i) * most / 2); };
  fill_floats(scales, rows * w.groups_per_row(), w.scale_dtype, seed + 1, scale);
  fill_floats(biases, rows * w.groups_per_row(), w.scale_dtype, seed + 1, bias);
}

/// The views of a model's matrices, without their bytes.
class Layout {
 public:
  Layout(const ModelArgs& args, const SyntheticFormat& format) : args_(args), format_(format) {}

  Weights weights() const {
    Weights weights;
    weights.tok_embeddings = matrix(args_.vocab_size, args_.dim);
    for (int i = 0; i < args_.n_layers; i++) weights.layers.push_back(layer());
    weights.norm = norm();
    weights.output = matrix(args_.vocab_size, args_.dim);
    weights.norm_dtype = format_.dtype;
    weights.dtype = computed_dtype(weights.tok_embeddings, weights.norm_dtype);
    weights.rope_layout = args_.rope_layout;
    return weights;
  }

 private:
  LayerWeights layer() const {
    const int q = args_.n_heads * args_.head_dim;
    const int kv = args_.n_kv_heads * args_.head_dim;
    return {.wq = matrix(q, args_.dim),
            .wk = matrix(kv, args_.dim),
            .wv = matrix(kv, args_.dim),
            .wo = matrix(args_.dim, q),
            .w1 = matrix(args_.hidden_dim, args_.dim),
            .w2 = matrix(args_.dim, args_.hidden_dim),
            .w3 = matrix(args_.hidden_dim, args_.dim),
            .attention_norm = norm(),
            .ffn_norm = norm()};
  }

  MatrixView matrix(int rows, int cols) const {
    MatrixView view;
    view.rows = rows;
    view.cols = cols;
    view.dtype = format_.quant.bits == 0 ? format_.dtype : DType::uint32;
    view.quant = format_.quant;
    view.scale_dtype = view.has_biases() ? format_.dtype : DType::uint8;
    if (view.quantized() && cols % format_.quant.group_size != 0) {
      fail("group size: expected a divisor of the matrices' {} columns, found {}", cols,
           format_.quant.group_size);
    }
    return view;
  }

  std::vector<float> norm() const { return std::vector<float>(static_cast<std::size_t>(args_.dim), 1.0F); }

  const ModelArgs& args_;
  const SyntheticFormat& format_;
};

std::vector<MatrixView*> matrices(Weights& weights) {
  std::vector<MatrixView*> all = {&weights.tok_embeddings};
  for (LayerWeights& l : weights.layers)
    all.insert(all.end(), {&l.wq, &l.wk, &l.wv, &l.wo, &l.w1, &l.w2, &l.w3});
  all.push_back(&weights.output);
  return all;
}

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// The bytes of one matrix in a larger buffer: its weights, scales and biases.
struct Place {
  std::size_t data, scales, biases, end;
  Place(std::size_t begin, const MatrixView& w) {
    const std::size_t rows = static_cast<std::size_t>(w.rows);
    const std::size_t scale_bytes = aligned(rows * w.groups_per_row() * size_of(w.scale_dtype));
    data = begin;
    scales = data + aligned(rows * w.row_bytes());
    biases = scales + scale_bytes;
    end = w.has_biases() ? biases + scale_bytes : biases;
  }
};

std::string describe(const std::string& name, const SyntheticFormat& format) {
  if (format.quant.bits == 0) return fmt::format("{}, {}", name, name_of(format.dtype));
  if (format.quant.mode != QuantMode::affine) return fmt::format("{}, {}", name, name_of(format.quant.mode));
  return fmt::format("{}, {}-bit groups of {}", name, format.quant.bits, format.quant.group_size);
}

}  // namespace

BenchModel synthesize(const std::string& name, const ModelArgs& args, const SyntheticFormat& format,
                      int threads, const std::atomic<bool>* interrupt) {
  BenchModel model;
  model.name = describe(name, format);
  model.args = args;
  model.whole_layers = args.n_layers;
  model.weights = Layout(args, format).weights();

  const std::vector<MatrixView*> all = matrices(model.weights);
  std::vector<Place> places;
  places.reserve(all.size());
  for (const MatrixView* w : all) places.emplace_back(places.empty() ? 0 : places.back().end, *w);
  const auto bytes = static_cast<double>(places.back().end);
  if (bytes > available_memory()) {
    fail("not enough memory: the weights of {} take {}, {} are available", model.name, human_bytes(bytes),
         human_bytes(available_memory()));
  }
  model.memory = allocate_huge(places.back().end);
  std::byte* memory = model.memory.get();
  ThreadPool(threads).for_each(static_cast<std::int64_t>(all.size()), [&](std::int64_t item, int) {
    if (interrupt != nullptr && interrupt->load(std::memory_order_relaxed)) return;
    const auto i = static_cast<std::size_t>(item);
    const Place& at = places[i];
    fill(*all[i], memory + at.data, memory + at.scales, memory + at.biases, 2 * i);
    all[i]->data = memory + at.data;
    if (!all[i]->quantized()) return;
    all[i]->scales = memory + at.scales;
    if (all[i]->has_biases()) all[i]->biases = memory + at.biases;
  });
  return model;
}

}  // namespace tramontane::bench
