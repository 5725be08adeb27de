#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/float16.h"
#include "kernels/integer_products.h"
#include "kernels/kernels.h"

// One thread of each runnable kernel table at the shapes of a 7B model. Weights are rotated through copies
// that together exceed the caches, as a model's layers do. Counters: bytes_per_second counts weights (or
// cache) read, FLOP/s and OP/s (of integers) two per multiply-add. in_cache is the limit that the float
// products can be held against; those of reading and of integers are what `tramontane bench` measures.
namespace tramontane {
namespace {

constexpr std::size_t kWorkingSet = 400'000'000;  // bytes of weights

struct FreeAligned {
  void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};

std::unique_ptr<float, FreeAligned> aligned_floats(std::size_t n) {
  return std::unique_ptr<float, FreeAligned>(
      static_cast<float*>(::operator new(n * sizeof(float), std::align_val_t{64})));
}

std::vector<float> random_floats(std::size_t n) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

struct WeightFormat {
  std::string name;
  DType dtype;
  QuantSpec quant;
};

/// A matrix of small values with bytes of its own.
class OwnedMatrix {
 public:
  OwnedMatrix(const WeightFormat& format, std::int64_t rows, std::int64_t cols) {
    view_ = {.rows = rows,
             .cols = cols,
             .dtype = format.dtype,
             .quant = format.quant,
             .scale_dtype = DType::float16};
    std::mt19937 random(7);
    data_.resize(static_cast<std::size_t>(rows) * view_.row_bytes());
    if (view_.quantized()) {
      for (std::size_t i = 0; i < data_.size(); i += 4) {  // a row is whole words
        const auto word = static_cast<std::uint32_t>(random());
        std::memcpy(&data_[i], &word, 4);
      }
      fill(scales_, 0.003F);
      fill(biases_, -0.02F);
      view_.scales = scales_.data();
      view_.biases = biases_.data();
    } else {
      const float value = 0.01F;
      const std::uint16_t half = float_to_float16(value);
      for (std::size_t i = 0; i < data_.size(); i += size_of(format.dtype)) {
        if (format.dtype == DType::float32)
          std::memcpy(&data_[i], &value, 4);
        else
          std::memcpy(&data_[i], &half, 2);
      }
    }
    view_.data = data_.data();
  }

  const MatrixView& view() const { return view_; }

 private:
  void fill(std::vector<std::byte>& bytes, float value) {
    bytes.resize(static_cast<std::size_t>(view_.rows) * view_.groups_per_row() * 2);
    const std::uint16_t half = float_to_float16(value);
    for (std::size_t i = 0; i < bytes.size(); i += 2) std::memcpy(&bytes[i], &half, 2);
  }

  MatrixView view_;
  std::vector<std::byte> data_, scales_, biases_;
};

/// As many of one shape as exceed the caches.
std::vector<OwnedMatrix> working_set(const WeightFormat& format, std::int64_t rows, std::int64_t cols) {
  std::vector<OwnedMatrix> copies;
  copies.emplace_back(format, rows, cols);
  const std::size_t bytes = copies[0].view().total_bytes();
  while (copies.size() * bytes < kWorkingSet) copies.emplace_back(format, rows, cols);
  return copies;
}

void count_work(benchmark::State& state, const MatrixView& w, std::int64_t m, const char* operations) {
  state.SetBytesProcessed(static_cast<std::int64_t>(w.total_bytes()) * state.iterations());
  state.counters[operations] = benchmark::Counter(static_cast<double>(2 * m * w.rows * w.cols),
                                                  benchmark::Counter::kIsIterationInvariantRate);
}

void linear(benchmark::State& state, const Kernels& kernels, const WeightFormat& format, std::int64_t rows,
            std::int64_t cols, std::int64_t m) {
  const std::vector<OwnedMatrix> copies = working_set(format, rows, cols);
  const std::vector<float> x = random_floats(static_cast<std::size_t>(m * cols));
  std::vector<float> y(static_cast<std::size_t>(m * rows));
  const auto scratch = aligned_floats(kernels.linear_scratch_floats + 1);
  std::size_t next = 0;
  for (auto _ : state) {
    kernels.linear({.x = x.data(),
                    .m_rows = m,
                    .w = copies[next++ % copies.size()].view(),
                    .row_begin = 0,
                    .row_end = rows,
                    .y = y.data(),
                    .y_stride = rows,
                    .scratch = scratch.get()});
    benchmark::ClobberMemory();
  }
  count_work(state, copies[0].view(), m, "FLOP/s");
}

/// Weights of `rows` x `cols`, m rows of activations.
struct IntegerCase {
  std::int64_t rows;
  std::int64_t cols;
  std::int64_t m;
  int limbs;
};

void integer_linear(benchmark::State& state, const IntegerProducts& products, const WeightFormat& format,
                    const IntegerCase& test) {
  const std::vector<OwnedMatrix> copies = working_set(format, test.rows, test.cols);
  const std::vector<float> x = random_floats(static_cast<std::size_t>(test.m * test.cols));
  std::vector<float> y(static_cast<std::size_t>(test.m * test.rows));
  IntegerRows integers{.spec = {format.quant, test.limbs}, .rows = test.m, .cols = test.cols};
  const auto memory = aligned_floats(integers.total_bytes() / sizeof(float));
  integers.at(reinterpret_cast<std::byte*>(memory.get()));
  products.quantize_rows(x.data(), 0, test.m, integers);
  const auto scratch = aligned_floats(products.scratch_floats(integers));
  std::size_t next = 0;
  for (auto _ : state) {
    products.linear({.x = integers,
                     .w = copies[next++ % copies.size()].view(),
                     .row_begin = 0,
                     .row_end = test.rows,
                     .y = y.data(),
                     .y_stride = test.rows,
                     .scratch = scratch.get()});
    benchmark::ClobberMemory();
  }
  count_work(state, copies[0].view(), test.m, "OP/s");
}

/// `rows` queries at the end of `context` tokens.
struct AttentionCase {
  DType dtype;
  std::int64_t rows;
  std::int64_t context;
};

/// All of a 7B's 32 heads on 8.
void attention(benchmark::State& state, const Kernels& kernels, const AttentionCase& test) {
  constexpr std::int64_t block_tokens = 64;
  const auto& [dtype, rows, context] = test;
  KvView kv{.blocks = {}, .block_tokens = block_tokens, .n_kv_heads = 8, .head_dim = 128, .dtype = dtype};
  const std::int64_t n_blocks = (context + block_tokens - 1) / block_tokens;
  const auto vectors = static_cast<std::size_t>(kv.n_kv_heads * block_tokens);
  const std::size_t scales = dtype == DType::int8 ? vectors * sizeof(float) : 0;
  kv.value_offset = vectors * 128 * size_of(dtype);
  kv.key_scale_offset = 2 * kv.value_offset;
  kv.value_scale_offset = kv.key_scale_offset + scales;
  const std::size_t block_bytes = kv.value_scale_offset + scales;
  std::vector<std::byte> cache(static_cast<std::size_t>(n_blocks) * block_bytes);
  std::vector<std::byte*> blocks;
  for (std::int64_t b = 0; b < n_blocks; ++b)
    blocks.push_back(&cache[static_cast<std::size_t>(b) * block_bytes]);
  kv.blocks = blocks;
  const std::vector<float> some = random_floats(128);
  for (std::int64_t position = 0; position < context; ++position) {
    for (int head = 0; head < kv.n_kv_heads; ++head)
      kernels.store(some.data(), some.data(), kv, {.kv_head = head, .position = position});
  }
  const std::vector<float> q = random_floats(static_cast<std::size_t>(rows * 32 * 128));
  std::vector<float> out(q.size());
  const auto scratch = aligned_floats(kernels.attention_scratch_floats(128));
  for (auto _ : state) {
    for (int head = 0; head < kv.n_kv_heads; ++head) {
      kernels.attention({.q = q.data(),
                         .q_stride = 32 * 128,
                         .out = out.data(),
                         .out_stride = 32 * 128,
                         .rows = rows,
                         .first_position = context - rows,
                         .window = 0,
                         .scale = 0.088F,
                         .n_heads = 32,
                         .kv_head = head,
                         .kv = kv,
                         .scratch = scratch.get()});
    }
    benchmark::ClobberMemory();
  }
  const double keys_seen = static_cast<double>(rows) * static_cast<double>(context - rows) +
                           static_cast<double>(rows) * static_cast<double>(rows + 1) / 2;
  state.SetBytesProcessed(static_cast<std::int64_t>(cache.size()) * state.iterations());
  state.counters["FLOP/s"] =
      benchmark::Counter(keys_seen * 32 * 128 * 4, benchmark::Counter::kIsIterationInvariantRate);
}

/// Products of rows that stay in the first-level cache: what this core reaches without memory, decoding or
/// remainders.
void in_cache(benchmark::State& state, const Kernels& kernels) {
  const WeightFormat format{"f32", DType::float32, {}};
  constexpr std::int64_t k = 1024;
  constexpr std::int64_t n = 48;
  constexpr std::int64_t m = 48;
  const OwnedMatrix w(format, n, k);
  const std::vector<float> x = random_floats(m * k);
  std::vector<float> y(m * n);
  const auto scratch = aligned_floats(kernels.linear_scratch_floats + 1);
  for (auto _ : state) {
    kernels.linear({x.data(), m, w.view(), 0, n, y.data(), n, scratch.get()});
    benchmark::ClobberMemory();
  }
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(2 * m * n * k), benchmark::Counter::kIsIterationInvariantRate);
}

/// One of the passes over activations between a layer's products, 256 rows, or two of them fused: each row
/// goes through both while it is in the nearest cache.
enum class Pass { norm, quantize, silu_mul, add, norm_quantize, silu_mul_quantize };

void pass(benchmark::State& state, const Kernels& kernels, Pass which, std::int64_t cols) {
  constexpr std::int64_t rows = 256;
  std::vector<float> x = random_floats(static_cast<std::size_t>(rows * cols));
  const std::vector<float> y = x;
  IntegerRows integers{.spec = {.quant = {4, 64}}, .rows = rows, .cols = cols};
  const auto memory = aligned_floats(integers.total_bytes() / sizeof(float));
  integers.at(reinterpret_cast<std::byte*>(memory.get()));
  for (auto _ : state) {
    for (std::int64_t row = 0; row < rows; ++row) {
      float* at = x.data() + row * cols;
      const float* other = y.data() + row * cols;
      const bool norm = which == Pass::norm || which == Pass::norm_quantize;
      const bool silu_mul = which == Pass::silu_mul || which == Pass::silu_mul_quantize;
      if (norm) kernels.rms_norm(other, y.data(), 1e-5F, cols, at);
      if (silu_mul) kernels.silu_mul(other, other, cols, at);
      if (which == Pass::add) kernels.add(at, other, cols);
      if (which == Pass::quantize || which == Pass::norm_quantize || which == Pass::silu_mul_quantize)
        kernels.integer->quantize_rows(x.data(), row, row + 1, integers);
    }
    benchmark::ClobberMemory();
  }
}

void register_passes(const Kernels& kernels, const std::string& prefix) {
  const auto add = [&](const char* name, Pass which, std::int64_t cols) {
    benchmark::RegisterBenchmark(fmt::format("{}/passes/{}/256x{}", prefix, name, cols).c_str(), pass,
                                 kernels, which, cols)
        ->Unit(benchmark::kMillisecond);
  };
  add("norm", Pass::norm, 4096);
  add("add", Pass::add, 4096);
  add("silu_mul", Pass::silu_mul, 14336);
  if (kernels.integer == nullptr) return;
  add("quantize", Pass::quantize, 4096);
  add("quantize", Pass::quantize, 14336);
  add("norm+quantize", Pass::norm_quantize, 4096);
  add("silu_mul+quantize", Pass::silu_mul_quantize, 14336);
}

void register_integer_products(const Kernels& kernels) {
  if (kernels.integer == nullptr) return;
  for (const int bits : {2, 3, 4, 5, 6, 8}) {
    for (const auto& [rows, cols] : {std::pair{14336, 4096}, {4096, 14336}}) {
      for (const std::int64_t m : {1, 2, 8, 16, 512}) {
        for (const int limbs : {1, 2}) {
          const WeightFormat format{fmt::format("{}-bit", bits), DType::uint32, {bits, 64}};
          benchmark::RegisterBenchmark(
              fmt::format("{}/integer/{}/{}x{}/m{}/limbs{}", kernels.name, format.name, rows, cols, m, limbs)
                  .c_str(),
              integer_linear, *kernels.integer, format, IntegerCase{rows, cols, m, limbs})
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
}

void register_all() {
  const std::vector<WeightFormat> formats = {{"4-bit", DType::uint32, {4, 64}},
                                             {"8-bit", DType::uint32, {8, 64}},
                                             {"float16", DType::float16, {}},
                                             {"float32", DType::float32, {}}};
  for (const Kernels* kernels : runnable_kernels()) {
    if (kernels == &scalar_kernels) continue;
    const auto name = [&](const std::string& rest) { return fmt::format("{}/{}", kernels->name, rest); };
    benchmark::RegisterBenchmark(name("in_cache").c_str(), in_cache, *kernels);
    register_passes(*kernels, std::string(kernels->name));
    register_integer_products(*kernels);
    for (const std::int64_t rows : {4096, 14336}) {
      for (const WeightFormat& format : formats) {
        for (const std::int64_t m : {1, 8, 64, 512}) {
          benchmark::RegisterBenchmark(
              name(fmt::format("linear/{}/{}x4096/m{}", format.name, rows, m)).c_str(), linear, *kernels,
              format, rows, 4096, m)
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
    for (const DType dtype : {DType::float16, DType::int8}) {
      for (const auto& [rows, context] : {std::pair{1, 8192}, {32, 4096}, {256, 8192}}) {
        benchmark::RegisterBenchmark(
            name(fmt::format("attention/{}/{}rows/context{}", name_of(dtype), rows, context)).c_str(),
            attention, *kernels, AttentionCase{dtype, rows, context})
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace tramontane

int main(int argc, char** argv) {
  tramontane::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
