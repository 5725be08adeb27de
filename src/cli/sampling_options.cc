#include "cli/sampling_options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/values.h"

namespace tramontane::cli {

void SamplingOptions::add_to(CLI::App& command) {
  SamplerOptions& s = sampling_;
  const auto positive = within(0, 1e9);
  const auto any = within(-1e9, 1e9);
  const auto share = within(0, 1);
  const auto count = within(0, kMost);
  const std::string group = "Sampling";
  const auto add = [&](const char* name, auto& value, const auto& check, const char* help) {
    command.add_option(name, value, help)->check(check)->capture_default_str()->group(group);
  };
  add("--temp", s.temperature, positive, "The sampling temperature; 0: the likeliest token");
  add("--seed", s.seed, whole_number(), "The PRNG seed");
  add("--top-k", s.top_k, count, "Draw from the k likeliest tokens only; 0: off");
  add("--top-p", s.top_p, share, "Draw from the likeliest tokens that together reach p; 0: off");
  add("--min-p", s.min_p, share, "Draw from tokens at least p times as likely as the likeliest; 0: off");
  add("--min-tokens-to-keep", s.min_tokens_to_keep, within(1, kMost), "What --min-p leaves at least");
  add("--repetition-penalty", s.repetition_penalty, positive, "Divide the logits of recent tokens; 0: off");
  add("--repetition-context-size", s.repetition_context_size, count, "How many recent tokens");
  add("--presence-penalty", s.presence_penalty, any, "Subtract once for a recent token; 0: off");
  add("--presence-context-size", s.presence_context_size, count, "How many recent tokens");
  add("--frequency-penalty", s.frequency_penalty, any, "Subtract per recent occurrence; 0: off");
  add("--frequency-context-size", s.frequency_context_size, count, "How many recent tokens");
  command.add_option("--logit-bias", logit_bias_, "TOKEN=BIAS, added to the logit of a token id; repeatable")
      ->group(group);
}

SamplerOptions SamplingOptions::options() const {
  SamplerOptions all = sampling_;
  for (const auto& bias : logit_bias_) all.logit_bias.push_back(parse_logit_bias("--logit-bias", bias));
  return all;
}

}  // namespace tramontane::cli
