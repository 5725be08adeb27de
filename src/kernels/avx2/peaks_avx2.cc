#include <immintrin.h>

#include "kernels/simd/peaks.h"

namespace tramontane {
namespace {

struct Avx2Peaks {
  using Vector = __m256i;
  static constexpr int chains = 12;
  static Vector fill(char byte) { return _mm256_set1_epi8(byte); }

  static void read_line(const std::byte* line) {
    const auto* halves = reinterpret_cast<const __m256i*>(line);
    __m256i value;
    asm volatile("vmovdqa %1, %0" : "=x"(value) : "m"(halves[0]));
    asm volatile("vmovdqa %1, %0" : "=x"(value) : "m"(halves[1]));
  }

  struct Int8 {
    static constexpr int elements = 32;
    static void apply(Vector& sum, Vector x) {
      __m256i pairs;
      asm volatile("vpmaddubsw %1, %1, %0" : "=x"(pairs) : "x"(x));
      asm volatile("vpaddw %1, %0, %0" : "+x"(sum) : "x"(pairs));
    }
  };
  struct Int16 {
    static constexpr int elements = 16;
    static void apply(Vector& sum, Vector x) {
      __m256i pairs;
      asm volatile("vpmaddwd %1, %1, %0" : "=x"(pairs) : "x"(x));
      asm volatile("vpaddd %1, %0, %0" : "+x"(sum) : "x"(pairs));
    }
  };
  struct Int8Vnni {  // the prefix chooses AVX-VNNI's encoding over AVX-512's
    static constexpr int elements = 32;
    static void apply(Vector& sum, Vector x) {
      asm volatile("%{vex%} vpdpbusd %1, %1, %0" : "+x"(sum) : "x"(x));
    }
  };
  struct Int16Vnni {
    static constexpr int elements = 16;
    static void apply(Vector& sum, Vector x) {
      asm volatile("%{vex%} vpdpwssd %1, %1, %0" : "+x"(sum) : "x"(x));
    }
  };
  struct Float32 {
    static constexpr int elements = 8;
    static void apply(Vector& sum, Vector x) { asm volatile("vfmadd231ps %1, %1, %0" : "+x"(sum) : "x"(x)); }
  };
};

}  // namespace

constinit const PeakLoops avx2_peaks = {
    .int8 = peak_loop<Avx2Peaks, Avx2Peaks::Int8>,
    .int16 = peak_loop<Avx2Peaks, Avx2Peaks::Int16>,
    .int8_dots = peak_loop<Avx2Peaks, Avx2Peaks::Int8Vnni>,
    .int16_dots = peak_loop<Avx2Peaks, Avx2Peaks::Int16Vnni>,
    .float32 = peak_loop<Avx2Peaks, Avx2Peaks::Float32>,
    .read = read_loop<Avx2Peaks>,
};

}  // namespace tramontane
