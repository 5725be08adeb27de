#include <arm_neon.h>

#include "kernels/simd/peaks.h"

namespace tramontane {
namespace {

struct NeonPeaks {
  using Vector = uint8x16_t;
  static constexpr int chains = 24;
  static Vector fill(char byte) { return vdupq_n_u8(static_cast<std::uint8_t>(byte)); }

  static void read_line(const std::byte* line) {
    uint8x16_t first;
    uint8x16_t second;
    asm volatile("ldp %q0, %q1, [%2]" : "=w"(first), "=w"(second) : "r"(line));
    asm volatile("ldp %q0, %q1, [%2, #32]" : "=w"(first), "=w"(second) : "r"(line));
  }

  struct Int8 {
    static constexpr int elements = 16;
    static void apply(Vector& sum, Vector x) {
      uint8x16_t low;
      uint8x16_t high;
      asm volatile("smull %0.8h, %1.8b, %1.8b" : "=w"(low) : "w"(x));
      asm volatile("smull2 %0.8h, %1.16b, %1.16b" : "=w"(high) : "w"(x));
      asm volatile("sadalp %0.4s, %1.8h" : "+w"(sum) : "w"(low));
      asm volatile("sadalp %0.4s, %1.8h" : "+w"(sum) : "w"(high));
    }
  };
  struct Int16 {
    static constexpr int elements = 4;
    static void apply(Vector& sum, Vector x) {
      asm volatile("smlal %0.4s, %1.4h, %1.4h" : "+w"(sum) : "w"(x));
    }
  };
  struct Int8DotProduct {
    static constexpr int elements = 16;
    static void apply(Vector& sum, Vector x) {
      asm volatile("sdot %0.4s, %1.16b, %1.16b" : "+w"(sum) : "w"(x));
    }
  };
  struct Float32 {
    static constexpr int elements = 4;
    static void apply(Vector& sum, Vector x) {
      asm volatile("fmla %0.4s, %1.4s, %1.4s" : "+w"(sum) : "w"(x));
    }
  };
};

}  // namespace

constinit const PeakLoops neon_peaks = {
    .int8 = peak_loop<NeonPeaks, NeonPeaks::Int8>,
    .int16 = peak_loop<NeonPeaks, NeonPeaks::Int16>,
    .int8_dots = peak_loop<NeonPeaks, NeonPeaks::Int8DotProduct>,
    .int16_dots = peak_loop<NeonPeaks, NeonPeaks::Int16>,
    .float32 = peak_loop<NeonPeaks, NeonPeaks::Float32>,
    .read = read_loop<NeonPeaks>,
};

}  // namespace tramontane
