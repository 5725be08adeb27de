#include "kernels/peaks.h"

namespace tramontane {

Peaks choose_peaks([[maybe_unused]] std::string_view kernels_name) {
  const PeakLoops* loops = &scalar_peaks;
  bool dots = false;
#if defined(__x86_64__)
  if (kernels_name.starts_with("avx"))
    loops = kernels_name.starts_with("avx512") ? &avx512_peaks : &avx2_peaks;
  dots = kernels_name.ends_with("vnni") || kernels_name.ends_with("vbmi");
#elif defined(__aarch64__)
  if (kernels_name.starts_with("neon")) loops = &neon_peaks;
  dots = kernels_name.ends_with("dotprod");
#endif
  return {dots ? loops->int8_dots : loops->int8, dots ? loops->int16_dots : loops->int16, loops->float32,
          loops->read};
}

}  // namespace tramontane
