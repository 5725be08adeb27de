#include "bench/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "bench/support.h"
#include "kernels/kernels.h"
#include "model/cpu_backend.h"
#include "model/mistral.h"
#include "support/error_of.h"

namespace tramontane::bench {
namespace {

using testing::error_of;
using testing::small_args;
using testing::small_model;

std::vector<SyntheticFormat> formats() {
  std::vector<SyntheticFormat> all;
  for (const int bits : {2, 3, 4, 5, 6, 8}) all.push_back({{.bits = bits, .group_size = 32}, DType::float16});
  for (const DType dtype : {DType::float16, DType::bfloat16, DType::float32}) {
    all.push_back({{}, dtype});
    all.push_back({{.bits = 4, .group_size = 64}, dtype});
  }
  for (const QuantMode mode : {QuantMode::mxfp4, QuantMode::mxfp8, QuantMode::nvfp4}) {
    all.push_back({usual_spec(mode), DType::float16});
  }
  return all;
}

double mean_square(const MatrixView& w) {
  std::vector<float> row(static_cast<std::size_t>(w.cols));
  double sum = 0;
  for (std::int64_t i = 0; i < w.rows; i++) {
    scalar_kernels.decode_row(w, i, row.data());
    for (const float value : row) sum += double{value} * double{value};
  }
  return sum / static_cast<double>(w.rows * w.cols);
}

TEST(Synthetic, EveryFormatsWeightsHaveTheVarianceThatKeepsActivationsNear1) {
  for (const SyntheticFormat& format : formats()) {
    const BenchModel model = synthesize("small", small_args(), format, 1);
    // w1's 8192 values: the mean of their squares, 1 / cols, is off by sqrt(0.8 / 8192) = 1% for uniform ones
    // (kurtosis 1.8), and by a few percent for the scales' variation: (1/4)^2 / 3 = 2% more.
    // The 256 scales of an mx mode may each be twice another: (3/2)^2 of (5/2)^2 / 256 is 4%, and its
    // elements are further apart.
    const double tolerance = format.quant.mode == QuantMode::affine ? 0.08 : 0.16;
    for (const MatrixView& w : {model.weights.layers[1].w1, model.weights.layers[0].w2}) {
      EXPECT_NEAR(mean_square(w) * static_cast<double>(w.cols), 1, tolerance) << model.name;
    }
  }
}

TEST(Synthetic, TheModelRunsAndItsLogitsAreNear1) {
  for (const SyntheticFormat& format : formats()) {
    const BenchModel model = synthesize("small", small_args(), format, 1);
    CpuBackend backend(scalar_kernels, 1);
    Mistral mistral(model.args, model.weights, backend);
    KvCache cache(KvCacheShape{model.args.n_layers, model.args.n_kv_heads, model.args.head_dim});
    Batch batch;
    batch.add(cache.create(), 0, std::vector<TokenId>{1, 95, 7}, Batch::Logits::all);
    const Rows logits = mistral.forward(batch, cache);
    double sum = 0;
    for (std::int64_t i = 0; i < logits.size(); i++) sum += double{logits.data[i]} * double{logits.data[i]};
    const double size = std::sqrt(sum / static_cast<double>(logits.size()));
    EXPECT_GT(size, 0.5) << model.name;
    EXPECT_LT(size, 2) << model.name;
  }
}

TEST(Synthetic, IsTheSameForAnyNumberOfThreads) {
  const BenchModel one = small_model(1);
  const BenchModel three = small_model(3);
  for (const auto& [a, b] : {std::pair(one.weights.output, three.weights.output),
                             std::pair(one.weights.layers[1].wk, three.weights.layers[1].wk)}) {
    const std::size_t scale_bytes = static_cast<std::size_t>(a.rows) * a.groups_per_row() * 2;
    EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<std::size_t>(a.rows) * a.row_bytes()), 0);
    EXPECT_EQ(std::memcmp(a.scales, b.scales, scale_bytes), 0);
    EXPECT_EQ(std::memcmp(a.biases, b.biases, scale_bytes), 0);
  }
  EXPECT_NE(std::memcmp(one.weights.layers[0].w1.data, one.weights.layers[1].w1.data, 64), 0);
}

TEST(Synthetic, RefusesGroupsThatDoNotFit) {
  const SyntheticFormat format{.quant = {.bits = 4, .group_size = 128}, .dtype = DType::float16};
  const std::string error = error_of([&] { synthesize("small", small_args(), format, 1); });
  EXPECT_NE(error.find("divisor of the matrices' 64 columns, found 128"), std::string::npos) << error;
}

TEST(Synthetic, RefusesWhatMemoryCannotHold) {
  ModelArgs args = small_args();
  args.vocab_size = 1 << 30;
  args.dim = 1 << 20;
  const std::string error = error_of([&] { synthesize("vast", args, {}, 1); });
  EXPECT_NE(error.find("not enough memory: the weights of vast"), std::string::npos) << error;
}

TEST(Synthetic, LayersCanBeCutOff) {
  BenchModel model = small_model();
  EXPECT_NE(error_of([&] { cut_layers(model, 3); }).find("expected 1 to the 2"), std::string::npos);
  cut_layers(model, 1);
  EXPECT_EQ(model.args.n_layers, 1);
  EXPECT_EQ(model.weights.layers.size(), 1U);
  EXPECT_EQ(model.args.sliding_window, std::vector<int>{0});
  EXPECT_EQ(model.whole_layers, 2);
}

}  // namespace
}  // namespace tramontane::bench
