#include "bench/report.h"

#include <fmt/format.h>

#include "bench/counts.h"
#include "core/fail.h"

namespace tramontane::bench {
namespace {

double weight_bytes(const BenchModel& model) {  // read by a decode step
  KvCacheShape no_cache;
  return decode_work({model.args, model.weights, no_cache}, {.depth = 0, .steps = 1, .batch = 1}).bytes;
}

nlohmann::json to_json(std::string_view isa, const MachineResult& machine) {
  return {{"isa", isa},
          {"threads", machine.threads},
          {"read_gb_s", machine.limits.read_gb_s},
          {"int8_gop_s", machine.limits.int8_gop_s},
          {"int16_gop_s", machine.limits.int16_gop_s},
          {"f32_gflop_s", machine.limits.f32_gflop_s}};
}

nlohmann::json to_json(const Result& result) {
  return {{"test", name_of(result.of.phase)},
          {"tokens", result.of.tokens},
          {"depth", result.of.depth},
          {"batch", result.of.batch},
          {"threads", result.of.threads},
          {"precision", result.of.precision},
          {"tokens_per_s", result.tokens_per_s},
          {"spread", result.spread},
          {"gb_s", result.gb_s},
          {"gop_s", result.gop_s},
          {"limit", name_of(result.limit)},
          {"share", result.share}};
}

std::string cut_to(const BenchModel& model) {
  if (model.args.n_layers == model.whole_layers) return "";
  return fmt::format(", cut to {} of {} layers: rates are of this smaller model", model.args.n_layers,
                     model.whole_layers);
}

}  // namespace

nlohmann::json to_json(const BenchModel& model, const Report& report) {
  nlohmann::json machines = nlohmann::json::array();
  for (const MachineResult& machine : report.machines) machines.push_back(to_json(report.isa, machine));
  nlohmann::json results = nlohmann::json::array();
  for (const Result& result : report.results) results.push_back(to_json(result));
  return {{"model",
           {{"name", model.name},
            {"layers", model.args.n_layers},
            {"whole_layers", model.whole_layers},
            {"weight_bytes", weight_bytes(model)}}},
          {"machine", machines.front()},
          {"machines", machines},
          {"results", results}};
}

std::string to_text(const BenchModel& model, const Report& report) {
  std::string text = fmt::format("model    {}, {} of weights per token{}\n", one_line(model.name),
                                 human_bytes(weight_bytes(model)), cut_to(model));
  for (const MachineResult& machine : report.machines) {
    text += fmt::format(
        "machine  {}, {} thread{}: reads {:.1f} GB/s, int8 {:.0f} Gop/s, int16 {:.0f} Gop/s, "
        "float32 {:.0f} Gflop/s\n",
        report.isa, machine.threads, machine.threads == 1 ? "" : "s", machine.limits.read_gb_s,
        machine.limits.int8_gop_s, machine.limits.int16_gop_s, machine.limits.f32_gflop_s);
  }
  text += fmt::format("\n{:<6} {:>7} {:>7} {:>5} {:>7} {:>9} {:>10} {:>7} {:>8} {:>9} {:>7} of\n", "test",
                      "tokens", "depth", "batch", "threads", "precision", "tokens/s", "spread", "GB/s",
                      "Gop/s", "share");
  for (const Result& r : report.results) {
    text += fmt::format(
        "{:<6} {:>7} {:>7} {:>5} {:>7} {:>9} {:>10.2f} {:>6.1f}% {:>8.2f} {:>9.1f} {:>6.1f}% {}\n",
        name_of(r.of.phase), r.of.tokens, r.of.depth, r.of.batch, r.of.threads, r.of.precision,
        r.tokens_per_s, 100 * r.spread, r.gb_s, r.gop_s, 100 * r.share, name_of(r.limit));
  }
  return text + "\nMedians over the rounds; shares of the limits measured in the same rounds.\n";
}

}  // namespace tramontane::bench
