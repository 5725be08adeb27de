#include <array>

#include "kernels/fixtures.h"
#include "kernels/guarded_memory.h"

namespace tramontane::testing {
namespace {

constexpr float kInfinity = INFINITY;

/// One block of a cache, its bytes right before an inaccessible page.
class Block {
 public:
  Block(DType dtype, std::int64_t block_tokens, int n_kv_heads, int head_dim)
      : half_(static_cast<std::size_t>(block_tokens * n_kv_heads * head_dim) * size_of(dtype)),
        scales_(dtype == DType::int8 ? static_cast<std::size_t>(block_tokens * n_kv_heads) * sizeof(float)
                                     : 0),
        memory_(2 * (half_ + scales_), Edge::end),
        table_{memory_.data()} {
    std::memset(memory_.data(), kUntouched, 2 * (half_ + scales_));
    view_ = {.blocks = table_,
             .key_offset = 0,
             .value_offset = half_,
             .key_scale_offset = 2 * half_,
             .value_scale_offset = 2 * half_ + scales_,
             .block_tokens = block_tokens,
             .n_kv_heads = n_kv_heads,
             .head_dim = head_dim,
             .dtype = dtype};
  }
  const KvView& view() const { return view_; }
  std::vector<std::byte> bytes() const { return {memory_.data(), memory_.data() + 2 * (half_ + scales_)}; }

  static constexpr int kUntouched = 0x5a;

 private:
  std::size_t half_;
  std::size_t scales_;
  GuardedMemory memory_;
  std::array<std::byte*, 1> table_;
  KvView view_;
};

TEST(Store, RoundsToNearestEvenFloat16) {
  std::vector<float> x = {0,
                          -0.0F,
                          65504,
                          65519.996F,
                          65520,
                          -1e9F,
                          kInfinity,
                          6e-8F,
                          2.98e-8F,
                          2.99e-8F,
                          1e-30F,
                          1 + 0x1p-11F,
                          1 + 3 * 0x1p-11F,
                          1 + 0x1.8p-10F,
                          -1 - 0x1p-11F};
  for (const float value : random_floats(300, 4, 10)) x.push_back(value);
  const auto head_dim = static_cast<int>(x.size());
  const std::vector<float> reversed(x.rbegin(), x.rend());
  for (const Kernels* kernels : runnable_kernels()) {
    const Block block(DType::float16, 3, 1, head_dim);
    const KvView& kv = block.view();
    kernels->store(x.data(), reversed.data(), kv, {.kv_head = 0, .position = 1});
    for (int d = 0; d < head_dim; ++d) {
      std::uint16_t bits;
      std::memcpy(&bits, kv.key(0, 1, d), 2);
      EXPECT_EQ(bits, float_to_float16(x[static_cast<std::size_t>(d)])) << kernels->name << " " << d;
      std::memcpy(&bits, kv.value(0, 1) + std::ptrdiff_t{2} * d, 2);
      EXPECT_EQ(bits, float_to_float16(reversed[static_cast<std::size_t>(d)])) << kernels->name << " " << d;
    }
  }
}

TEST(Store, KeepsFloat16NanANan) {
  const float nan = NAN;
  for (const Kernels* kernels : runnable_kernels()) {
    const Block block(DType::float16, 1, 1, 1);
    kernels->store(&nan, &nan, block.view(), {});
    for (const std::byte* at : {block.view().key(0, 0, 0), block.view().value(0, 0)}) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, at, 2);
      EXPECT_TRUE(std::isnan(float16_to_float(bits))) << kernels->name;
    }
  }
}

TEST(Store, EverySetWritesTheBytesOfTheDefinitionAndNoOthers) {
  for (const DType dtype : {DType::float16, DType::float32, DType::int8}) {
    for (const int head_dim : {1, 2, 8, 15, 16, 17, 80, 128}) {
      for (const std::int64_t block_tokens : {1, 7, 64}) {
        const auto n = static_cast<std::size_t>(head_dim);
        const GuardedMemory key(random_floats(n, 1), Edge::end);
        const GuardedMemory value(random_floats(n, 2), Edge::end);
        const KvPlace place{.kv_head = 2, .position = block_tokens - 1};
        const Block want(dtype, block_tokens, 3, head_dim);
        scalar_kernels.store(key.floats(), value.floats(), want.view(), place);
        for (const Kernels* kernels : vector_kernels()) {
          const Block got(dtype, block_tokens, 3, head_dim);
          kernels->store(key.floats(), value.floats(), got.view(), place);
          EXPECT_EQ(got.bytes(), want.bytes()) << kernels->name << " " << head_dim << " " << block_tokens;
        }
      }
    }
  }
}

float load(const std::byte* at) {
  float value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

int integer(const std::byte* at) { return static_cast<std::int8_t>(*at); }

TEST(Store, Int8HasAScaleForEachHeadAndPosition) {
  const std::vector<float> key = {254, -254, 2, 3, -3, 5, 0, 1};  // scale 2: halves go to even
  const std::vector<float> value = {0.127F, 0.01F, -0.0005F, -0.127F, 0, 0.063F, 0.064F, 0.1F};
  for (const Kernels* kernels : runnable_kernels()) {
    const Block block(DType::int8, 4, 2, 8);
    const KvView& kv = block.view();
    kernels->store(key.data(), value.data(), kv, {.kv_head = 1, .position = 2});
    EXPECT_EQ(load(kv.key_scale(1, 2)), 2) << kernels->name;
    EXPECT_EQ(load(kv.value_scale(1, 2)), 0.127F / 127) << kernels->name;
    const int want[] = {127, -127, 1, 2, -2, 2, 0, 0};
    for (int d = 0; d < 8; ++d) {
      EXPECT_EQ(integer(kv.key(1, 2, d)), want[d]) << kernels->name << " " << d;
      const double back = double{load(kv.value_scale(1, 2))} * integer(kv.value(1, 2) + d);
      EXPECT_NEAR(back, value[static_cast<std::size_t>(d)], 0.127 / 127 / 2 * 1.0001)
          << kernels->name << " " << d;
    }
  }
}

TEST(Store, Int8KeepsNothingOfTinyVectorsAndMarksUnsoundOnes) {
  const float huge = 3e38F;
  for (const Kernels* kernels : runnable_kernels()) {
    const Block block(DType::int8, 4, 1, 3);
    const KvView& kv = block.view();
    const auto store = [&](std::vector<float> x, std::int64_t position) {
      kernels->store(x.data(), x.data(), kv, {.kv_head = 0, .position = position});
    };
    store({0, 0, 0}, 0);
    store({1e-37F, -1e-40F, 0}, 1);  // its scale is no normal float
    store({huge, kInfinity, 1}, 2);
    store({1, NAN, huge}, 3);
    for (std::int64_t position = 0; position < 4; ++position) {
      for (const float scale : {load(kv.key_scale(0, position)), load(kv.value_scale(0, position))}) {
        EXPECT_TRUE(position < 2 ? scale == 0 : std::isnan(scale)) << kernels->name << " " << position;
      }
      for (int d = 0; d < 3; ++d) {
        EXPECT_EQ(integer(kv.key(0, position, d)), 0) << kernels->name;
        EXPECT_EQ(integer(kv.value(0, position) + d), 0) << kernels->name;
      }
    }
  }
}

}  // namespace
}  // namespace tramontane::testing
