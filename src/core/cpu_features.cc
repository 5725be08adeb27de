#include "core/cpu_features.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace tramontane {

CpuFeatures detect_cpu_features() {
  CpuFeatures features;
#if defined(__x86_64__)
  // The compiler's run-time support reads CPUID and XGETBV, so a feature whose registers the system does not
  // save is reported as absent.
  __builtin_cpu_init();
  features.avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  features.avx512 = features.avx2 && __builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
  features.avxvnni = features.avx2 && __builtin_cpu_supports("avxvnni");
  features.avx512vnni = features.avx512 && __builtin_cpu_supports("avx512vnni");
  features.avx512vbmi = features.avx512vnni && __builtin_cpu_supports("avx512vbmi");
#elif defined(__aarch64__)
  const unsigned long hwcap = getauxval(AT_HWCAP);
  features.asimd = (hwcap & HWCAP_ASIMD) != 0;
  features.asimddp = features.asimd && (hwcap & HWCAP_ASIMDDP) != 0;
#endif
  return features;
}

}  // namespace tramontane
