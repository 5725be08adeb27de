#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bench_model.h"
#include "bench/machine.h"
#include "kernels/kernels.h"

namespace tramontane::bench {

/// What to measure: every prompt length, and every depth with every batch, for each number of threads and
/// each precision. Sizes are tokens; no prompts, or no
/// decode_steps, leave that half out; the other lists are not empty.
struct Plan {
  std::vector<std::int64_t> prompts = {512};
  std::int64_t decode_steps = 32;          // 0: no decoding
  std::vector<std::int64_t> depths = {0};  // in the cache when decoding starts
  std::vector<int> batches = {1};          // sequences decoded at once
  std::vector<int> threads = {1};
  std::vector<int> precisions = {16};  // CpuBackend's activation_bits: 8, 16 or 32
  int repeat = 5;
  std::int64_t chunk = 512;       // rows of one forward pass of a prompt
  std::optional<DType> kv_dtype;  // by default float32 for float32 models, else float16
};

enum class Phase { prompt, decode };
std::string_view name_of(Phase phase);

struct TestCase {
  Phase phase = Phase::prompt;
  std::int64_t tokens = 0;  // of the prompt, or steps
  std::int64_t depth = 0;
  int batch = 1;
  int threads = 1;
  int precision = 16;
};

/// What bounds a test: decode reads memory, prompts multiply. Quantised products of integers multiply bytes,
/// at precision 16 twice for the two halves of an activation, or words; all others are in float32.
enum class Limit { read, int8, half_int8, int16, float32 };
std::string_view name_of(Limit limit);
Limit limit_of(const TestCase& test, const IntegerProducts* products);
double value_of(Limit limit, const MachineLimits& machine);

/// Medians over the rounds, and shares of the medians of the limits.
struct Result {
  TestCase of;
  double tokens_per_s = 0;  // of all sequences together
  double spread = 0;        // (greatest - least) / median
  double gb_s = 0;          // see counts.h
  double gop_s = 0;
  Limit limit = Limit::read;
  double share = 0;  // of that limit
};

struct MachineResult {
  int threads = 1;
  MachineLimits limits;
};

struct Report {
  std::string_view isa;
  std::vector<MachineResult> machines;  // as Plan::threads
  std::vector<Result> results;
};

/// Runs the plan in `repeat` rounds, each of which measures the machine and takes every test once, so that
/// drift hits all alike. `progress` hears of each round and test before it starts. None when `*interrupt`
/// became true. Throws Error when memory is short.
using Progress = std::function<void(int round, const TestCase& next)>;
std::optional<Report> run(const BenchModel& model, const Plan& plan, const Kernels& kernels,
                          const Progress& progress, const std::atomic<bool>& interrupt);

}  // namespace tramontane::bench
