#include "convert/narrow.h"

#include <bit>
#include <cstdint>
#include <cstring>

#include "core/cpu_features.h"
#include "core/float16.h"
#include "kernels/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tramontane {
namespace {

void put(std::uint16_t bits, std::byte* out) { std::memcpy(out, &bits, sizeof bits); }

void narrow_bfloat16(std::span<const float> values, std::byte* out) {
  for (std::size_t i = 0; i < values.size(); ++i) put(float_to_bfloat16(values[i]), out + 2 * i);
}

void narrow_float16(std::span<const float> values, std::byte* out) {
  for (std::size_t i = 0; i < values.size(); ++i) put(float_to_float16(values[i]), out + 2 * i);
}

#if defined(__x86_64__)
/// The same with the instruction, which without leave of the CPU the compiler may not use: 50 times as fast.
__attribute__((target("avx,f16c"))) void narrow_f16c(std::span<const float> values, std::byte* out) {
  constexpr std::size_t kLanes = 8;
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    const __m128i half = _mm256_cvtps_ph(_mm256_loadu_ps(values.data() + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * i), half);
  }
  narrow_float16(values.subspan(i), out + 2 * i);
}
#endif

}  // namespace

void narrow(std::span<const float> values, DType dtype, std::byte* out) {
  if (dtype == DType::float32) {
    std::memcpy(out, values.data(), values.size_bytes());
  } else if (dtype == DType::bfloat16) {
    narrow_bfloat16(values, out);
  } else {
#if defined(__x86_64__)
    static const bool f16c = detect_cpu_features().avx2;
    if (f16c) return narrow_f16c(values, out);
#endif
    narrow_float16(values, out);
  }
}

void round_to(std::span<float> values, DType dtype, std::span<std::byte> scratch) {
  if (dtype == DType::float32) return;
  narrow(values, dtype, scratch.data());
  MatrixView row;
  row.rows = 1;
  row.cols = static_cast<std::int64_t>(values.size());
  row.dtype = dtype;
  row.data = scratch.data();
  choose_kernels().decode_row(row, 0, values.data());
}

std::size_t count_overflows(std::span<const float> values, DType dtype) {
  if (dtype == DType::float32) return 0;
  // Half a step above the greatest finite value.
  const auto least = std::bit_cast<std::uint32_t>(dtype == DType::float16 ? 65520.0F : 0x1.ffp127F);
  std::size_t count = 0;
  for (const float value : values) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(value) & 0x7fffffff;
    count += magnitude >= least && magnitude < 0x7f800000 ? 1 : 0;
  }
  return count;
}

}  // namespace tramontane
