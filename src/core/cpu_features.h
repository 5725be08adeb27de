#pragma once

namespace tramontane {

/// What both the CPU and the operating system (saved registers) support.
struct CpuFeatures {
  bool avx2 = false;        // with FMA and F16C
  bool avx512 = false;      // F, BW, DQ and VL
  bool avxvnni = false;     // AVX-VNNI, with avx2
  bool avx512vnni = false;  // AVX512-VNNI, with avx512
  bool avx512vbmi = false;  // AVX512-VBMI, with avx512vnni
  bool asimd = false;       // 64-bit ARM's NEON
  bool asimddp = false;     // its dot products of bytes, with asimd
};

CpuFeatures detect_cpu_features();

}  // namespace tramontane
