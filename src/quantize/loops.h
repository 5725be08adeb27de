#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "quantize/quantize.h"

namespace tramontane {

/// The loops of quantize.h over groups that lie one after the other: one source, compiled once for each
/// instruction set, with the same bits from each. Tables are immutable.
struct QuantizeLoops {
  std::string_view name;  // "baseline", "avx2", "avx512"
  void (*quantize_affine)(const float* w, std::int64_t groups, QuantSpec spec, DType dtype,
                          const QuantizedRows& out);
  void (*dequantize_affine)(const QuantizedRows& in, std::int64_t groups, QuantSpec spec, DType dtype,
                            float* w);
  void (*quantize_small_floats)(const float* w, std::int64_t groups, QuantMode mode, DType dtype,
                                const QuantizedRows& out);
  void (*dequantize_small_floats)(const QuantizedRows& in, std::int64_t groups, QuantMode mode, DType dtype,
                                  float* w);
};

extern const QuantizeLoops baseline_quantize_loops;  // what the compiler may use anywhere
#if defined(__x86_64__)
extern const QuantizeLoops avx2_quantize_loops;    // needs AVX2, FMA, F16C
extern const QuantizeLoops avx512_quantize_loops;  // needs AVX-512 F, BW, DQ, VL and the above
#endif

/// Those that this CPU and operating system can run, best first.
std::span<const QuantizeLoops* const> runnable_quantize_loops();

}  // namespace tramontane
