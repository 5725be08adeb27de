#pragma once
#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "tramontane/sampler.h"

namespace tramontane::cli {

/// The options of every command that draws tokens.
class SamplingOptions {
 public:
  explicit SamplingOptions(double temperature = 0) { sampling_.temperature = temperature; }

  /// `this` must outlive the parsing.
  void add_to(CLI::App& command);

  /// What was asked for. Throws Error for a --logit-bias that cannot be read.
  SamplerOptions options() const;

 private:
  SamplerOptions sampling_;
  std::vector<std::string> logit_bias_;  // as given
};

}  // namespace tramontane::cli
