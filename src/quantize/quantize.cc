#include "quantize/quantize.h"

#include <vector>

#include "core/cpu_features.h"
#include "quantize/loops.h"

namespace tramontane {
namespace {

std::vector<const QuantizeLoops*> detect() {
  std::vector<const QuantizeLoops*> loops;
#if defined(__x86_64__)
  const CpuFeatures cpu = detect_cpu_features();
  if (cpu.avx512) loops.push_back(&avx512_quantize_loops);
  if (cpu.avx2) loops.push_back(&avx2_quantize_loops);
#endif
  loops.push_back(&baseline_quantize_loops);
  return loops;
}

const QuantizeLoops& best_loops() { return *runnable_quantize_loops().front(); }

}  // namespace

std::span<const QuantizeLoops* const> runnable_quantize_loops() {
  static const std::vector<const QuantizeLoops*> loops = detect();
  return loops;
}

std::size_t words_bytes(std::int64_t cols, QuantSpec spec) {
  return static_cast<std::size_t>(cols) * static_cast<std::size_t>(spec.bits) / 8;
}

std::size_t scales_bytes(std::int64_t cols, QuantSpec spec, DType dtype) {
  const auto groups = static_cast<std::size_t>(cols / spec.group_size);
  return spec.mode == QuantMode::affine ? groups * size_of(dtype) : groups;
}

void quantize(const float* w, std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype,
              const QuantizedRows& out) {
  const std::int64_t groups = rows * (cols / spec.group_size);
  if (spec.mode == QuantMode::affine) return best_loops().quantize_affine(w, groups, spec, dtype, out);
  best_loops().quantize_small_floats(w, groups, spec.mode, dtype, out);
}

void dequantize(const QuantizedRows& in, std::int64_t rows, std::int64_t cols, QuantSpec spec, DType dtype,
                float* w) {
  const std::int64_t groups = rows * (cols / spec.group_size);
  if (spec.mode == QuantMode::affine) return best_loops().dequantize_affine(in, groups, spec, dtype, w);
  best_loops().dequantize_small_floats(in, groups, spec.mode, dtype, w);
}

}  // namespace tramontane
