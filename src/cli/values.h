#pragma once
#include <CLI/App.hpp>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tramontane/tokenizer.h"

// How the values of options are read. Everything here throws CLI::ValidationError, a usage error.
namespace tramontane::cli {

/// The largest count that an option takes.
constexpr int kMost = std::numeric_limits<int>::max();

/// Checks that a value is a number in [low, high]; unlike CLI::Range, NaN is not.
CLI::Validator within(double low, double high);

/// Checks that a value is an integer of 64 bits without a sign.
CLI::Validator whole_number();

/// A name of a file or folder, which is not nothing.
CLI::Validator a_name();

/// "1,403,407": at least one id.
std::vector<TokenId> parse_tokens(const std::string& option, const std::string& text);

/// "TOKEN=BIAS"
std::pair<TokenId, double> parse_logit_bias(const std::string& option, const std::string& text);

}  // namespace tramontane::cli
