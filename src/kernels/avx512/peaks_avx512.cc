#include <immintrin.h>

#include "kernels/simd/peaks.h"

namespace tramontane {
namespace {

struct Avx512Peaks {
  using Vector = __m512i;
  static constexpr int chains = 24;
  static Vector fill(char byte) { return _mm512_set1_epi8(byte); }

  static void read_line(const std::byte* line) {
    __m512i value;
    asm volatile("vmovdqa64 %1, %0" : "=v"(value) : "m"(*reinterpret_cast<const __m512i*>(line)));
  }

  struct Int8 {
    static constexpr int elements = 64;
    static void apply(Vector& sum, Vector x) {
      __m512i pairs;
      asm volatile("vpmaddubsw %1, %1, %0" : "=v"(pairs) : "v"(x));
      asm volatile("vpaddw %1, %0, %0" : "+v"(sum) : "v"(pairs));
    }
  };
  struct Int16 {
    static constexpr int elements = 32;
    static void apply(Vector& sum, Vector x) {
      __m512i pairs;
      asm volatile("vpmaddwd %1, %1, %0" : "=v"(pairs) : "v"(x));
      asm volatile("vpaddd %1, %0, %0" : "+v"(sum) : "v"(pairs));
    }
  };
  struct Int8Vnni {
    static constexpr int elements = 64;
    static void apply(Vector& sum, Vector x) { asm volatile("vpdpbusd %1, %1, %0" : "+v"(sum) : "v"(x)); }
  };
  struct Int16Vnni {
    static constexpr int elements = 32;
    static void apply(Vector& sum, Vector x) { asm volatile("vpdpwssd %1, %1, %0" : "+v"(sum) : "v"(x)); }
  };
  struct Float32 {
    static constexpr int elements = 16;
    static void apply(Vector& sum, Vector x) { asm volatile("vfmadd231ps %1, %1, %0" : "+v"(sum) : "v"(x)); }
  };
};

}  // namespace

constinit const PeakLoops avx512_peaks = {
    .int8 = peak_loop<Avx512Peaks, Avx512Peaks::Int8>,
    .int16 = peak_loop<Avx512Peaks, Avx512Peaks::Int16>,
    .int8_dots = peak_loop<Avx512Peaks, Avx512Peaks::Int8Vnni>,
    .int16_dots = peak_loop<Avx512Peaks, Avx512Peaks::Int16Vnni>,
    .float32 = peak_loop<Avx512Peaks, Avx512Peaks::Float32>,
    .read = read_loop<Avx512Peaks>,
};

}  // namespace tramontane
