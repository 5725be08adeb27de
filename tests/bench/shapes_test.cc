#include "bench/shapes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>

namespace tramontane::bench {
namespace {

std::int64_t parameters(const ModelArgs& args) {
  const std::int64_t dim = args.dim;
  const std::int64_t q = std::int64_t{args.n_heads} * args.head_dim;
  const std::int64_t kv = std::int64_t{args.n_kv_heads} * args.head_dim;
  const std::int64_t layer = 2 * dim * q + 2 * dim * kv + 3 * dim * args.hidden_dim + 2 * dim;
  return args.n_layers * layer + 2 * dim * args.vocab_size + dim;
}

TEST(Shapes, HaveThePublishedNumbersOfParameters) {
  std::map<std::string, std::int64_t> counts;
  for (const NamedShape& shape : named_shapes()) counts[std::string(shape.name)] = parameters(shape.args);
  // As the models' cards on Hugging Face give them.
  EXPECT_EQ(counts.at("7b"), 7'241'732'096);
  EXPECT_EQ(counts.at("12b"), 12'247'782'400);
  EXPECT_EQ(counts.at("24b"), 23'572'403'200);
  EXPECT_EQ(counts.size(), 4U);
}

TEST(Shapes, GiveAWindowForEveryLayer) {
  for (const NamedShape& shape : named_shapes())
    EXPECT_EQ(shape.args.sliding_window.size(), static_cast<std::size_t>(shape.args.n_layers)) << shape.name;
}

}  // namespace
}  // namespace tramontane::bench
