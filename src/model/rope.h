#pragma once
#include <cstdint>
#include <vector>

#include "model/batch.h"
#include "tramontane/model_args.h"

namespace tramontane {

/// Cosines and sines for the rows of one batch, [rows, head_dim / 2]; `q_` ones also carry the query
/// temperature.
struct Rotations {
  RopeLayout layout = RopeLayout::interleaved;
  std::int64_t pairs = 0;  // head_dim / 2
  std::vector<float> cos, sin;
  std::vector<float> q_cos, q_sin;  // empty: the same as cos and sin
};

/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864), with YaRN's stretched frequencies (Peng et
/// al. 2023, arXiv:2309.00071) where the checkpoint asks for them. Angles are computed in double.
class Rope {
 public:
  explicit Rope(const ModelArgs& args);
  void rotations(const Batch& batch, Rotations& out) const;

  const std::vector<double>& frequencies() const { return frequencies_; }  // radians per token, by pair

 private:
  RopeLayout layout_;
  std::vector<double> frequencies_;
  double magnitude_ = 1;  // YaRN's attention factor
  std::optional<QueryTemperature> query_temperature_;
};

}  // namespace tramontane
