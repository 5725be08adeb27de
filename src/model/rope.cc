#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tramontane {
namespace {

// YaRN: pairs that turn often keep their frequency, slow ones are slowed by the factor, with a ramp between.
void stretch(std::vector<double>& frequencies, const YarnScaling& yarn, const ModelArgs& args) {
  // The pair that turns `rotations` times over the original context.
  const auto pair_with = [&](double rotations) {
    return args.head_dim * std::log(yarn.original_max_position / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(args.rope_theta));
  };
  const double low = std::max(std::floor(pair_with(yarn.beta_fast)), 0.0);
  double high = std::min(std::ceil(pair_with(yarn.beta_slow)), args.head_dim - 1.0);
  if (high == low) high += 0.001;  // a step, without dividing by zero
  for (std::size_t i = 0; i < frequencies.size(); i++) {
    const double slow = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] *= slow / yarn.factor + (1 - slow);
  }
}

}  // namespace

Rope::Rope(const ModelArgs& args) : layout_(args.rope_layout), query_temperature_(args.query_temperature) {
  frequencies_.resize(static_cast<std::size_t>(args.head_dim / 2));
  for (std::size_t i = 0; i < frequencies_.size(); i++) {
    frequencies_[i] = std::pow(args.rope_theta, -2.0 * static_cast<double>(i) / args.head_dim);
  }
  if (args.yarn) {
    stretch(frequencies_, *args.yarn, args);
    magnitude_ = args.yarn->attention_factor;
  }
}

void Rope::rotations(const Batch& batch, Rotations& out) const {
  out.layout = layout_;
  out.pairs = static_cast<std::int64_t>(frequencies_.size());
  out.cos.clear();
  out.sin.clear();
  out.q_cos.clear();
  out.q_sin.clear();
  for (const auto& span : batch.spans) {
    for (std::int64_t position = span.first_position; position < span.first_position + span.rows;
         position++) {
      double temperature = 1;
      if (query_temperature_) {
        const auto& [beta, original] = *query_temperature_;
        temperature += beta * std::log1p(std::floor(static_cast<double>(position) / original));
      }
      for (const double frequency : frequencies_) {
        const double angle = static_cast<double>(position) * frequency;
        const double c = magnitude_ * std::cos(angle);
        const double s = magnitude_ * std::sin(angle);
        out.cos.push_back(static_cast<float>(c));
        out.sin.push_back(static_cast<float>(s));
        if (query_temperature_) {
          out.q_cos.push_back(static_cast<float>(temperature * c));
          out.q_sin.push_back(static_cast<float>(temperature * s));
        }
      }
    }
  }
}

}  // namespace tramontane
