#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/cpu_features.h"
#include "core/fail.h"
#include "kernels/integer_products.h"
#include "kernels/kernels.h"

namespace tramontane {
namespace {

#if defined(__x86_64__) || defined(__aarch64__)
Kernels with_products(Kernels kernels, std::string_view name, const IntegerProducts& products) {
  kernels.name = name;
  kernels.integer = &products;
  return kernels;
}
#endif

#if defined(__x86_64__)
const Kernels& avx512vnni_kernels() {
  static const Kernels table = with_products(avx512_kernels, "avx512vnni", avx512vnni_products);
  return table;
}

const Kernels& avx512vbmi_kernels() {
  static const Kernels table = with_products(avx512_kernels, "avx512vbmi", avx512vbmi_products);
  return table;
}

const Kernels& avxvnni_kernels() {
  static const Kernels table = with_products(avx2_kernels, "avxvnni", avxvnni_products);
  return table;
}
#elif defined(__aarch64__)
const Kernels& neondotprod_kernels() {
  static const Kernels table = with_products(neon_kernels, "neondotprod", neondotprod_products);
  return table;
}
#endif

std::vector<const Kernels*> detect() {
  std::vector<const Kernels*> tables;
#if defined(__x86_64__)
  const CpuFeatures cpu = detect_cpu_features();
  if (cpu.avx512vbmi) tables.push_back(&avx512vbmi_kernels());
  if (cpu.avx512vnni) tables.push_back(&avx512vnni_kernels());
  if (cpu.avx512) tables.push_back(&avx512_kernels);
  if (cpu.avxvnni) tables.push_back(&avxvnni_kernels());
  if (cpu.avx2) tables.push_back(&avx2_kernels);
#elif defined(__aarch64__)
  const CpuFeatures cpu = detect_cpu_features();
  if (cpu.asimddp) tables.push_back(&neondotprod_kernels());
  if (cpu.asimd) tables.push_back(&neon_kernels);
#endif
  tables.push_back(&scalar_kernels);
  return tables;
}

}  // namespace

std::span<const Kernels* const> runnable_kernels() {
  static const std::vector<const Kernels*> tables = detect();
  return tables;
}

const Kernels& choose_kernels() {
  const std::span<const Kernels* const> tables = runnable_kernels();
  const char* wanted = std::getenv("TRAMONTANE_ISA");
  if (wanted == nullptr) return *tables.front();
  std::string names;
  for (const Kernels* table : tables) {
    if (table->name == wanted) return *table;
    if (!names.empty()) names += ", ";
    names += table->name;
  }
  fail("TRAMONTANE_ISA: expected an instruction set that this machine can run ({}), found {}", names,
       printable(wanted));
}

}  // namespace tramontane
