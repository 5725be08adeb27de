#include "support/reference_model.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "kernels/kernels.h"

namespace tramontane::testing {
namespace {

using Vector = std::vector<double>;

Vector weight_row(const MatrixView& w, std::int64_t row) {
  std::vector<float> decoded(static_cast<std::size_t>(w.cols));
  scalar_kernels.decode_row(w, row, decoded.data());
  return {decoded.begin(), decoded.end()};
}

double dot(const double* a, const double* b, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// xs w^T, for all rows at once so that each weight is decoded once
std::vector<Vector> linear(const std::vector<Vector>& xs, const MatrixView& w) {
  std::vector<Vector> ys(xs.size(), Vector(static_cast<std::size_t>(w.rows)));
  for (std::int64_t n = 0; n < w.rows; n++) {
    const Vector row = weight_row(w, n);
    for (std::size_t m = 0; m < xs.size(); m++)
      ys[m][static_cast<std::size_t>(n)] = dot(xs[m].data(), row.data(), row.size());
  }
  return ys;
}

std::vector<Vector> rms_norm(std::vector<Vector> xs, const std::vector<float>& weight, double eps) {
  for (Vector& x : xs) {
    const double rms = std::sqrt(dot(x.data(), x.data(), x.size()) / static_cast<double>(x.size()) + eps);
    for (std::size_t i = 0; i < x.size(); i++) x[i] = x[i] / rms * weight[i];
  }
  return xs;
}

// Radians per token of each pair, after YaRN (Peng et al. 2023, section 3.4, with the rounding and clamping
// of the authors' program): wavelengths are stretched by the factor, the short ones not at all.
Vector frequencies(const ModelArgs& args) {
  const double d = args.head_dim;
  const auto log_theta = [&](double x) { return std::log(x) / std::log(args.rope_theta); };
  Vector result;
  for (int i = 0; i < args.head_dim / 2; i++) {
    const double wavelength = 2 * std::numbers::pi * std::pow(args.rope_theta, 2 * i / d);
    double slowed = 0;  // the share of the stretched wavelength
    if (args.yarn) {
      const double original = args.yarn->original_max_position;
      const auto pair_of = [&](double turns) {  // whose wavelength goes `turns` times into the context
        return d / 2 * log_theta(original / (turns * 2 * std::numbers::pi));
      };
      const double first = std::fmax(0, std::floor(pair_of(args.yarn->beta_fast)));
      const double last = std::fmin(d - 1, std::ceil(pair_of(args.yarn->beta_slow)));
      const double length = first == last ? 0.001 : last - first;
      slowed = std::fmin(1, std::fmax(0, (i - first) / length));
    }
    const double factor = args.yarn ? args.yarn->factor : 1;
    result.push_back(2 * std::numbers::pi * ((1 - slowed) / wavelength + slowed / (wavelength * factor)));
  }
  return result;
}

void scale(std::vector<Vector>& xs, const std::function<double(std::size_t position)>& factor) {
  for (std::size_t position = 0; position < xs.size(); position++) {
    for (double& x : xs[position]) x *= factor(position);
  }
}

// What Llama 4 multiplies a query with.
double query_temperature(const ModelArgs& args, std::size_t position) {
  if (!args.query_temperature) return 1;
  const double contexts =
      std::floor(static_cast<double>(position) / args.query_temperature->original_max_position);
  return 1 + args.query_temperature->beta * std::log(1 + contexts);
}

void rotate(std::vector<Vector>& xs, const ModelArgs& args) {
  const Vector frequency = frequencies(args);
  const auto d = static_cast<std::size_t>(args.head_dim);
  for (std::size_t position = 0; position < xs.size(); position++) {
    for (std::size_t head = 0; head < xs[position].size() / d; head++) {
      for (std::size_t i = 0; i < d / 2; i++) {
        const bool interleaved = args.rope_layout == RopeLayout::interleaved;
        double& a = xs[position][head * d + (interleaved ? 2 * i : i)];
        double& b = xs[position][head * d + (interleaved ? 2 * i + 1 : i + d / 2)];
        const double angle = static_cast<double>(position) * frequency[i];
        const double turned_a = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = turned_a;
      }
    }
  }
}

Vector attend(const ModelArgs& args, const std::vector<Vector>& q, const std::vector<Vector>& k,
              const std::vector<Vector>& v, std::size_t position, std::size_t window) {
  const auto d = static_cast<std::size_t>(args.head_dim);
  const auto n_heads = static_cast<std::size_t>(args.n_heads);
  const std::size_t repeats = n_heads / static_cast<std::size_t>(args.n_kv_heads);
  const std::size_t first = window == 0 || position + 1 < window ? 0 : position + 1 - window;
  Vector out(n_heads * d);
  for (std::size_t head = 0; head < n_heads; head++) {
    const std::size_t kv = head / repeats * d;
    Vector p;
    for (std::size_t j = first; j <= position; j++) {
      p.push_back(dot(q[position].data() + head * d, k[j].data() + kv, d) /
                  std::sqrt(static_cast<double>(d)));
    }
    const double top = *std::max_element(p.begin(), p.end());
    double sum = 0;
    for (double& score : p) sum += score = std::exp(score - top);
    for (std::size_t j = first; j <= position; j++) {
      for (std::size_t i = 0; i < d; i++) out[head * d + i] += p[j - first] / sum * v[j][kv + i];
    }
  }
  return out;
}

void add(std::vector<Vector>& xs, const std::vector<Vector>& ys) {
  for (std::size_t m = 0; m < xs.size(); m++) {
    for (std::size_t i = 0; i < xs[m].size(); i++) xs[m][i] += ys[m][i];
  }
}

}  // namespace

std::vector<double> reference_logits(const ModelArgs& args, const Weights& weights,
                                     std::span<const TokenId> tokens) {
  std::vector<Vector> h;
  for (const TokenId token : tokens) h.push_back(weight_row(weights.tok_embeddings, token));
  for (std::size_t layer = 0; layer < weights.layers.size(); layer++) {
    const LayerWeights& w = weights.layers[layer];
    std::vector<Vector> x = rms_norm(h, w.attention_norm, args.norm_eps);
    std::vector<Vector> q = linear(x, w.wq), k = linear(x, w.wk);
    const std::vector<Vector> v = linear(x, w.wv);
    rotate(q, args);
    rotate(k, args);
    const double magnitude = args.yarn ? args.yarn->attention_factor : 1;
    scale(k, [&](std::size_t) { return magnitude; });
    scale(q, [&](std::size_t position) { return magnitude * query_temperature(args, position); });
    std::vector<Vector> attended;
    for (std::size_t m = 0; m < h.size(); m++) {
      attended.push_back(attend(args, q, k, v, m, static_cast<std::size_t>(args.sliding_window[layer])));
    }
    add(h, linear(attended, w.wo));
    x = rms_norm(h, w.ffn_norm, args.norm_eps);
    std::vector<Vector> gate = linear(x, w.w1);
    const std::vector<Vector> up = linear(x, w.w3);
    for (std::size_t m = 0; m < gate.size(); m++) {
      for (std::size_t i = 0; i < gate[m].size(); i++) gate[m][i] *= up[m][i] / (1 + std::exp(-gate[m][i]));
    }
    add(h, linear(gate, w.w2));
  }
  std::vector<double> logits;
  for (const Vector& row : linear(rms_norm(h, weights.norm, args.norm_eps), weights.output)) {
    logits.insert(logits.end(), row.begin(), row.end());
  }
  return logits;
}

}  // namespace tramontane::testing
