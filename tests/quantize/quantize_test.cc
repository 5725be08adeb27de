#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "core/cpu_features.h"
#include "core/float16.h"
#include "core/small_float.h"
#include "kernels/guarded_memory.h"
#include "quantize/support.h"

namespace tramontane::testing {
namespace {

std::vector<float> random_weights(std::size_t n, DType dtype, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.02F);
  std::vector<float> w(n);
  for (float& x : w) x = round_to(dtype, normal(random));
  return w;
}

/// One group through quantize and back.
std::vector<float> there_and_back(const std::vector<float>& w, QuantSpec spec, DType dtype = DType::float32) {
  const auto cols = static_cast<std::int64_t>(w.size());
  OwnedRows rows(1, cols, spec, dtype);
  quantize(w.data(), 1, cols, spec, dtype, rows.parts());
  std::vector<float> back(w.size());
  dequantize(rows.parts(), 1, cols, spec, dtype, back.data());
  return back;
}

TEST(QuantizeLoops, AreThoseOfThisMachineBestFirst) {
  std::vector<std::string> want;
  if (detect_cpu_features().avx512) want.emplace_back("avx512");
  if (detect_cpu_features().avx2) want.emplace_back("avx2");
  want.emplace_back("baseline");
  std::vector<std::string> got;
  for (const QuantizeLoops* loops : runnable_quantize_loops()) got.emplace_back(loops->name);
  EXPECT_EQ(got, want);
}

TEST(QuantizeLoops, AllGiveTheSameBits) {
  for (const QuantSpec& spec : all_specs()) {
    for (const DType dtype : {DType::float32, DType::float16, DType::bfloat16}) {
      const std::int64_t groups = 131;  // of affine groups, two batches and a bit
      const std::vector<float> w =
          random_weights(static_cast<std::size_t>(groups * spec.group_size), dtype, 1);
      OwnedRows want(1, groups * spec.group_size, spec, dtype);
      quantize_with(baseline_quantize_loops, w, spec, dtype, want.parts());
      const auto back = dequantize_with(baseline_quantize_loops, want.parts(), groups, spec, dtype);
      for (const QuantizeLoops* loops : runnable_quantize_loops()) {
        OwnedRows got(1, groups * spec.group_size, spec, dtype);
        quantize_with(*loops, w, spec, dtype, got.parts());
        EXPECT_EQ(got.words, want.words) << loops->name;
        EXPECT_EQ(got.scales, want.scales) << loops->name;
        EXPECT_EQ(got.biases, want.biases) << loops->name;
        EXPECT_EQ(dequantize_with(*loops, got.parts(), groups, spec, dtype), back) << loops->name;
      }
    }
  }
}

TEST(QuantizeLoops, TouchNothingButTheirGroups) {
  for (const QuantizeLoops* loops : runnable_quantize_loops()) {
    for (const QuantSpec& spec : all_specs()) {
      for (const Edge edge : {Edge::begin, Edge::end}) {
        const std::int64_t groups = 3;
        const DType dtype = DType::float16;
        const auto n = static_cast<std::size_t>(groups * spec.group_size);
        const GuardedMemory w(random_weights(n, dtype, 2), edge);
        const GuardedMemory words(words_bytes(groups * spec.group_size, spec), edge);
        const GuardedMemory scales(scales_bytes(groups * spec.group_size, spec, dtype), edge);
        const GuardedMemory biases(scales_bytes(groups * spec.group_size, spec, dtype), edge);
        const QuantizedRows parts{words.data(), scales.data(), biases.data()};
        if (spec.mode == QuantMode::affine) {
          loops->quantize_affine(w.floats(), groups, spec, dtype, parts);
          loops->dequantize_affine(parts, groups, spec, dtype, w.floats());
        } else {
          loops->quantize_small_floats(w.floats(), groups, spec.mode, dtype, parts);
          loops->dequantize_small_floats(parts, groups, spec.mode, dtype, w.floats());
        }
      }
    }
  }
}

TEST(Quantize, SizesAreThoseOfMlx) {
  EXPECT_EQ(words_bytes(128, {3, 64}), 48U);
  EXPECT_EQ(scales_bytes(128, {3, 64}, DType::float16), 4U);
  EXPECT_EQ(scales_bytes(128, {3, 32}, DType::float32), 16U);
  EXPECT_EQ(words_bytes(128, {4, 16, QuantMode::nvfp4}), 64U);
  EXPECT_EQ(scales_bytes(128, {4, 16, QuantMode::nvfp4}, DType::float32), 8U);
  EXPECT_EQ(scales_bytes(128, {8, 32, QuantMode::mxfp8}, DType::bfloat16), 4U);
}

TEST(Quantize, RowsAreGroupsInOrder) {
  const QuantSpec spec{4, 32};
  const std::vector<float> w = random_weights(6 * 96, DType::float32, 3);
  OwnedRows whole(6, 96, spec, DType::float32);
  quantize(w.data(), 6, 96, spec, DType::float32, whole.parts());
  OwnedRows flat(1, 6 * 96, spec, DType::float32);
  quantize(w.data(), 1, 6 * 96, spec, DType::float32, flat.parts());
  EXPECT_EQ(whole.words, flat.words);
  EXPECT_EQ(whole.scales, flat.scales);
}

TEST(Quantize, KeepsTheEndOfAnAffineGroupThatIsFurtherFromZero) {
  for (const QuantSpec& spec : all_specs()) {
    if (spec.mode != QuantMode::affine) continue;
    std::vector<float> w(static_cast<std::size_t>(spec.group_size), 0.25F);
    w[5] = -3.7F;
    w[9] = 2.5F;
    EXPECT_EQ(there_and_back(w, spec)[5], -3.7F) << spec.bits;
  }
}

TEST(Quantize, GivesBackWhatTheSmallFloatsHold) {
  for (unsigned bits = 0; bits < 16; ++bits) {
    std::vector<float> w(32, e2m1_to_float(bits) * 0.5F);
    w[0] = 3;  // so that the scale is 1/2
    w[1] = -0.5F;
    for (const QuantSpec spec : {QuantSpec{4, 32, QuantMode::mxfp4}, QuantSpec{4, 16, QuantMode::nvfp4}}) {
      w[16] = 3;
      EXPECT_EQ(there_and_back(w, spec), w) << bits;
    }
  }
  for (int bits = 0; bits < 256; ++bits) {
    if ((bits & 0x7f) == 0x7f) continue;  // NaN
    std::vector<float> w(32, e4m3_to_float(static_cast<std::uint8_t>(bits)) * 4);
    w[0] = 448 * 4;
    EXPECT_EQ(there_and_back(w, {8, 32, QuantMode::mxfp8}), w) << bits;
  }
}

TEST(Quantize, NanInAnAffineGroupIsPassedBy) {
  std::vector<float> w(32, 1);
  w[3] = std::numeric_limits<float>::quiet_NaN();
  w[7] = -1;
  const std::vector<float> back = there_and_back(w, {4, 32});
  EXPECT_EQ(back[0], 1);
  EXPECT_EQ(back[7], -1);
  EXPECT_TRUE(std::isfinite(back[3]));
}

}  // namespace
}  // namespace tramontane::testing
