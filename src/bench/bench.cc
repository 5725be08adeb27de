#include "bench/bench.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "bench/counts.h"
#include "bench/session.h"
#include "bench/statistics.h"
#include "kernels/integer_products.h"

namespace tramontane::bench {
namespace {

std::vector<TestCase> test_cases(const Plan& plan) {
  std::vector<TestCase> cases;
  for (const int threads : plan.threads) {
    for (const int precision : plan.precisions) {
      for (const std::int64_t tokens : plan.prompts)
        cases.push_back({Phase::prompt, tokens, 0, 1, threads, precision});
      if (plan.decode_steps == 0) continue;
      for (const std::int64_t depth : plan.depths) {
        for (const int batch : plan.batches)
          cases.push_back({Phase::decode, plan.decode_steps, depth, batch, threads, precision});
      }
    }
  }
  return cases;
}

bool all_have_integer_products(const Weights& weights) {
  return std::all_of(weights.layers.begin(), weights.layers.end(), [](const LayerWeights& l) {
    const auto matrices = {&l.wq, &l.wk, &l.wv, &l.wo, &l.w1, &l.w2, &l.w3};
    return std::all_of(matrices.begin(), matrices.end(),
                       [](const auto* w) { return has_integer_products(*w); });
  });
}

/// What was measured of one number of threads, by round.
struct MachineRounds {
  MachineProbe probe;
  std::vector<double> read, int8, int16, f32;

  MachineRounds(const Kernels& kernels, int threads) : probe(choose_peaks(kernels.name), threads) {}

  void measure() {
    const MachineLimits limits = probe.measure();
    read.push_back(limits.read_gb_s);
    int8.push_back(limits.int8_gop_s);
    int16.push_back(limits.int16_gop_s);
    f32.push_back(limits.f32_gflop_s);
  }
  MachineLimits medians() const { return {median(read), median(int8), median(int16), median(f32)}; }
};

Work work_of(const TestCase& test, const CountedModel& model, std::int64_t chunk) {
  if (test.phase == Phase::prompt) return prompt_work(model, test.tokens, chunk);
  return decode_work(model, {.depth = test.depth + kWarmSteps, .steps = test.tokens, .batch = test.batch});
}

Result summarise(const TestCase& test, const std::vector<double>& seconds, const Work& work) {
  const double tokens = static_cast<double>(test.tokens) * test.batch;
  std::vector<double> rates;
  rates.reserve(seconds.size());
  for (const double s : seconds) rates.push_back(tokens / s);
  Result result;
  result.of = test;
  result.tokens_per_s = median(rates);
  result.spread = spread(rates);
  result.gb_s = result.tokens_per_s * work.bytes / tokens / 1e9;
  result.gop_s = result.tokens_per_s * work.operations / tokens / 1e9;
  return result;
}

template <class T>
std::size_t index_of(const std::vector<T>& values, T value) {
  return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) - values.begin());
}

}  // namespace

std::string_view name_of(Phase phase) { return phase == Phase::prompt ? "prompt" : "decode"; }

std::string_view name_of(Limit limit) {
  switch (limit) {
    case Limit::read:
      return "read";
    case Limit::int8:
      return "int8";
    case Limit::half_int8:
      return "int8/2";
    case Limit::int16:
      return "int16";
    case Limit::float32:
      return "float32";
  }
  return "?";
}

Limit limit_of(const TestCase& test, const IntegerProducts* products) {
  if (test.phase == Phase::decode) return Limit::read;
  if (products == nullptr || test.precision == 32) return Limit::float32;
  if (test.precision == 8) return Limit::int8;
  return products->words ? Limit::int16 : Limit::half_int8;
}

double value_of(Limit limit, const MachineLimits& machine) {
  switch (limit) {
    case Limit::read:
      return machine.read_gb_s;
    case Limit::int8:
      return machine.int8_gop_s;
    case Limit::half_int8:
      return machine.int8_gop_s / 2;
    case Limit::int16:
      return machine.int16_gop_s;
    case Limit::float32:
      return machine.f32_gflop_s;
  }
  return 0;
}

std::optional<Report> run(const BenchModel& model, const Plan& plan, const Kernels& kernels,
                          const Progress& progress, const std::atomic<bool>& interrupt) {
  const std::vector<TestCase> cases = test_cases(plan);
  Session session(model, plan, kernels, interrupt);
  std::vector<std::unique_ptr<MachineRounds>> machines;
  machines.reserve(plan.threads.size());
  for (const int threads : plan.threads)
    machines.push_back(std::make_unique<MachineRounds>(kernels, threads));

  std::vector<std::vector<double>> seconds(cases.size());
  for (int round = 0; round < plan.repeat; round++) {
    for (auto& machine : machines) machine->measure();
    for (std::size_t i = 0; i < cases.size(); i++) {
      progress(round, cases[i]);
      const std::optional<double> taken = session.seconds(cases[i]);
      if (!taken) return std::nullopt;
      seconds[i].push_back(*taken);
    }
  }

  Report report;
  report.isa = kernels.name;
  for (std::size_t i = 0; i < machines.size(); i++)
    report.machines.push_back({plan.threads[i], machines[i]->medians()});
  const IntegerProducts* products = all_have_integer_products(model.weights) ? kernels.integer : nullptr;
  const CountedModel counted{model.args, model.weights, session.cache_shape()};
  for (std::size_t i = 0; i < cases.size(); i++) {
    const MachineLimits& limits = report.machines[index_of(plan.threads, cases[i].threads)].limits;
    Result result = summarise(cases[i], seconds[i], work_of(cases[i], counted, plan.chunk));
    result.limit = limit_of(cases[i], products);
    result.share =
        (result.limit == Limit::read ? result.gb_s : result.gop_s) / value_of(result.limit, limits);
    report.results.push_back(result);
  }
  return report;
}

}  // namespace tramontane::bench
