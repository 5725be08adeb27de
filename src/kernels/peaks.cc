#include "kernels/peaks.h"

namespace tramontane {

Peaks choose_peaks([[maybe_unused]] std::string_view kernels_name, [[maybe_unused]] const CpuFeatures& cpu) {
  const PeakLoops* loops = &scalar_peaks;
  bool vnni = false;
#if defined(__x86_64__)
  if (kernels_name.starts_with("avx512")) {
    loops = &avx512_peaks;
    vnni = cpu.avx512vnni;
  } else if (kernels_name.starts_with("avx")) {
    loops = &avx2_peaks;
    vnni = cpu.avxvnni;
  }
#elif defined(__aarch64__)
  if (kernels_name.starts_with("neon")) {
    loops = &neon_peaks;
    vnni = cpu.asimddp;
  }
#endif
  return {vnni ? loops->int8_vnni : loops->int8, vnni ? loops->int16_vnni : loops->int16, loops->float32,
          loops->read};
}

}  // namespace tramontane
