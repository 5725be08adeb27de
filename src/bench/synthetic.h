#pragma once
#include <atomic>
#include <optional>
#include <string>

#include "bench/bench_model.h"
#include "kernels/matrix_view.h"
#include "tramontane/dtype.h"

namespace tramontane::bench {

/// How a synthetic model stores its matrices.
struct SyntheticFormat {
  QuantSpec quant = {.bits = 4, .group_size = 64};  // bits 0: not quantised
  DType dtype = DType::float16;  // of the weights, or of affine scales and biases; and of the norms
};

/// A model of the given shape in memory (huge pages where the system gives them): random packed weights, or
/// random floats, scaled so that activations stay near 1 throughout. The same bytes on every machine, for any
/// number of threads. Not filled to the end when `*interrupt` becomes true. Throws Error when the format
/// does not fit the shape or when memory is short.
BenchModel synthesize(const std::string& name, const ModelArgs& args, const SyntheticFormat& format,
                      int threads, const std::atomic<bool>* interrupt = nullptr);

}  // namespace tramontane::bench
