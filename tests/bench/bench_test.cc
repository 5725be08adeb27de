#include "bench/bench.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "bench/report.h"
#include "bench/support.h"
#include "kernels/integer_products.h"
#include "support/error_of.h"

namespace tramontane::bench {
namespace {

using testing::error_of;
using testing::small_model;

Plan small_plan() {
  Plan plan;
  plan.prompts = {3, 70};
  plan.decode_steps = 4;
  plan.depths = {0, 65};
  plan.batches = {1, 3};
  plan.repeat = 2;
  plan.chunk = 32;
  return plan;
}

TEST(Bench, DecodeIsHeldAgainstMemoryAndPromptsAgainstTheirProducts) {
  const MachineLimits machine{.read_gb_s = 10, .int8_gop_s = 800, .int16_gop_s = 360, .f32_gflop_s = 100};
  const auto limit = [&](Phase phase, int precision, const IntegerProducts* products) {
    return value_of(limit_of({.phase = phase, .precision = precision}, products), machine);
  };
  const IntegerProducts bytes{};
  const IntegerProducts words{
      .quantize_rows = nullptr, .scratch_floats = nullptr, .linear = nullptr, .words = true};
  EXPECT_EQ(limit(Phase::prompt, 8, &bytes), 800);
  EXPECT_EQ(limit(Phase::prompt, 16, &bytes), 400);
  EXPECT_EQ(limit(Phase::prompt, 8, &words), 800);
  EXPECT_EQ(limit(Phase::prompt, 16, &words), 360);
  EXPECT_EQ(limit(Phase::prompt, 32, &bytes), 100);
  EXPECT_EQ(limit(Phase::prompt, 8, nullptr), 100);
  EXPECT_EQ(limit(Phase::prompt, 16, nullptr), 100);
  EXPECT_EQ(limit(Phase::decode, 8, &bytes), 10);
  EXPECT_EQ(limit(Phase::decode, 16, nullptr), 10);
}

TEST(Bench, EveryTestHasAResultInOrder) {
  std::vector<int> rounds;
  const std::atomic<bool> interrupt{false};
  const auto report = run(
      small_model(), small_plan(), choose_kernels(),
      [&](int round, const TestCase&) { rounds.push_back(round); }, interrupt);
  ASSERT_TRUE(report);
  EXPECT_EQ(rounds, (std::vector<int>{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1}));
  std::string tests;
  for (const Result& r : report->results) {
    tests += fmt::format("{} {} {} {}\n", name_of(r.of.phase), r.of.tokens, r.of.depth, r.of.batch);
    EXPECT_GT(r.tokens_per_s, 0);
    EXPECT_GE(r.spread, 0);
    EXPECT_GT(r.gb_s, 0);
    EXPECT_GT(r.gop_s, 0);
    EXPECT_GT(r.share, 0);
  }
  EXPECT_EQ(tests,
            "prompt 3 0 1\nprompt 70 0 1\n"
            "decode 4 0 1\ndecode 4 0 3\ndecode 4 65 1\ndecode 4 65 3\n");
}

TEST(Bench, AnInterruptEndsIt) {
  std::atomic<bool> interrupt{false};
  int calls = 0;
  const auto report = run(
      small_model(), small_plan(), choose_kernels(), [&](int, const TestCase&) { interrupt = ++calls == 4; },
      interrupt);
  EXPECT_FALSE(report);
  EXPECT_EQ(calls, 4);
}

TEST(Bench, SaysSoBeforehandWhenTheCacheCannotFit) {
  Plan plan = small_plan();
  plan.depths = {1 << 24};
  plan.batches = {4096};
  const std::atomic<bool> interrupt{false};
  const std::string error =
      error_of([&] { run(small_model(), plan, choose_kernels(), [](int, const TestCase&) {}, interrupt); });
  EXPECT_NE(error.find("the KV cache of the largest test takes"), std::string::npos) << error;
}

TEST(Report, SaysWhenAModelWasCut) {
  BenchModel model = small_model();
  const Report report{.isa = "scalar", .machines = {{.threads = 1, .limits = {}}}, .results = {}};
  EXPECT_EQ(to_text(model, report).find("layers"), std::string::npos);
  cut_layers(model, 1);
  EXPECT_NE(to_text(model, report).find("cut to 1 of 2 layers"), std::string::npos);
  const nlohmann::json json = to_json(model, report);
  EXPECT_EQ(json.at("model").at("layers"), 1);
  EXPECT_EQ(json.at("model").at("whole_layers"), 2);
  EXPECT_EQ(json.at("model").at("weight_bytes"), 46080 / 2 + 3840);  // see counts_test.cc
}

}  // namespace
}  // namespace tramontane::bench
