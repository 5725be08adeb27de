#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "bench/bench.h"
#include "model/cpu_backend.h"
#include "model/mistral.h"

namespace tramontane::bench {

/// Steps that a decode test takes before its clock starts.
constexpr std::int64_t kWarmSteps = 1;

/// A model ready to be timed, for each number of threads and each precision of a plan. All share one cache,
/// whose blocks are reused from test to test. Borrows its arguments. One caller at a time.
class Session {
 public:
  /// Throws Error when the tests' caches would not fit in memory.
  Session(const BenchModel& model, const Plan& plan, const Kernels& kernels,
          const std::atomic<bool>& interrupt);

  /// Runs a test once; the seconds it took. None when interrupted. Throws Error when memory runs out.
  std::optional<double> seconds(const TestCase& test);

  const KvCacheShape& cache_shape() const { return cache_.shape(); }

 private:
  struct Variant {
    CpuBackend backend;
    Mistral mistral;
    bool warm = false;  // its memory was touched
    Variant(const BenchModel& model, const Kernels& kernels, int threads, int precision);
  };

  bool warm_up(Variant& variant);
  std::optional<double> time_prompt(Variant& variant, std::int64_t tokens);
  std::optional<double> time_decode(Variant& variant, const TestCase& test);
  /// One pass over `rows` new tokens of each sequence; false when interrupted.
  bool forward(Variant& variant, std::span<const SequenceId> sequences, std::int64_t rows,
               Batch::Logits logits);
  SequenceId start_sequence(Variant& variant, std::int64_t depth);
  void check_memory(const Plan& plan) const;

  const BenchModel& model_;
  std::int64_t chunk_;
  std::int64_t most_rows_;  // of a forward pass
  const std::atomic<bool>& interrupt_;
  KvCache cache_;
  std::vector<float> context_;  // keys or values of a block of positions, near 1
  std::map<std::pair<int, int>, std::unique_ptr<Variant>> variants_;  // by threads and precision
};

}  // namespace tramontane::bench
