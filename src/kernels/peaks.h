#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

// What a machine can do at most: loops that only multiply and add, in registers, and one that only reads.
// They are the limits that benchmarks hold the kernels against. Like the kernels, they are plain loops
// without threads or allocation, one table per instruction set.
namespace tramontane {

/// Runs `rounds` rounds of multiply-adds in as many independent chains as hide their latency, and returns how
/// many operations that was: 2 per multiply-add of one element.
using PeakLoop = double (*)(std::int64_t rounds);

/// Reads `lines` cache lines of 64 bytes, a multiple of 4, from `data`, which is 64-byte aligned.
using ReadLoop = void (*)(const std::byte* data, std::int64_t lines);

struct PeakLoops {
  PeakLoop int8;       // unsigned times signed bytes, summed in int16: as if widening cost nothing
  PeakLoop int16;      // signed times signed, summed in int32
  PeakLoop int8_dots;  // the same in int32 with the instructions made for it; null: the set has none
  PeakLoop int16_dots;
  PeakLoop float32;  // fused where the set has that
  ReadLoop read;
};

extern const PeakLoops scalar_peaks;
#if defined(__x86_64__)
extern const PeakLoops avx2_peaks;    // needs AVX2, FMA; for dots, AVX-VNNI
extern const PeakLoops avx512_peaks;  // needs AVX-512 F and BW; for dots, AVX512-VNNI
#elif defined(__aarch64__)
extern const PeakLoops neon_peaks;  // for dots, the dot products of bytes (int16 has none)
#endif

/// The loops of the instruction set that a table of kernels is named after; the table is one that this
/// machine can run.
struct Peaks {
  PeakLoop int8;
  PeakLoop int16;
  PeakLoop float32;
  ReadLoop read;
};
Peaks choose_peaks(std::string_view kernels_name);

}  // namespace tramontane
